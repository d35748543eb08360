#pragma once
// The commands of a CMSIS-DAP debug probe, bytes in and bytes out, as Arm's "CMSIS-DAP" document has them (version 2.1,
// chapter "CMSIS-DAP Commands"): information, SWJ lines, transfers over SWD. There is no JTAG, no trace and no UART;
// what is not there is answered as an invalid command, and so is what is cut short. Used in one thread.

#include "drivers/virtual/stm32f1chip.h"

#include <QByteArray>
#include <QString>

namespace slipway {

struct CmsisDapTexts {
    QString vendor, product, serial;
};

class CmsisDap
{
public:
    static constexpr qsizetype packetSize = 512;
    static constexpr int packetCount = 4;

    CmsisDap(Stm32F1Chip &chip, CmsisDapTexts texts) : m_chip(chip), m_texts(std::move(texts)) {}

    // The answer to one command; DAP_TransferAbort has none. packet: 1 to packetSize bytes.
    QByteArray obey(QByteArrayView packet);
    void reset(); // as after power-up

    qint64 commands = 0, transfers = 0, invalid = 0; // facts for tests

private:
    enum class Port { None, Swd };
    struct Transferred {
        int acknowledge = 0; // ACK; bit 4: the value did not match
        quint32 data = 0;
        bool ok() const { return acknowledge == 1; }
    };

    QByteArray info(QByteArrayView body) const;
    QByteArray transfer(QByteArrayView body);
    QByteArray transferBlock(QByteArrayView body);
    QByteArray pins(QByteArrayView body);
    QByteArray sequence(QByteArrayView body);
    Transferred once(int request, quint32 data);
    // With repeats of what was told to wait, and the data of a read of the access port fetched.
    Transferred whole(int request, quint32 data);

    Stm32F1Chip &m_chip;
    const CmsisDapTexts m_texts;
    Port m_port = Port::None;
    int m_waitRetries = 100, m_matchRetries = 0;
    quint32 m_matchMask = 0;
    bool m_clock = true, m_data = true, m_resetHeld = false; // the lines as the host drives them
};

} // namespace slipway
