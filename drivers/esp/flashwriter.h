#pragma once
// Writes to the flash memory with the ROM's own commands: an erase up front (FLASH_BEGIN, FLASH_DEFL_BEGIN), then block
// after block, each answered once it is in the flash memory. What deflates goes deflated, in chunks of at most 256 KiB
// so that one lost block does not cost all. Throws esp.refused, esp.no-answer, esp.bad-reply, memory.verify, link.*.

#include "core/device/memorymap.h"
#include "drivers/esp/espclient.h"

#include <QList>

namespace slipway {

class FlashWriter
{
public:
    struct Options {
        bool encryptionWord = false; // the chip's FLASH_BEGIN has a fifth word
        bool mayDeflate = true;
        QList<int> blockBytes{1024}; // sizes to try, the best first
    };
    // progress: bytes of the pieces, counted from `done` on.
    FlashWriter(EspClient &client, Options options) : m_client(client), m_options(std::move(options)) {}

    // at: a multiple of 4096; bytes: a multiple of 4.
    void write(quint64 at, QByteArrayView bytes, const Task &task, qint64 done);
    // By the ROM's own digest.
    void verify(quint64 at, QByteArrayView bytes, const Task &task);
    // Whole sectors.
    void erase(quint64 at, quint64 size, const Task &task, qint64 done);
    qint64 dataBytes() const { return m_dataBytes; } // of blocks as framed: what the line had to carry for the content

private:
    enum class Outcome { Done, SmallerBlocks, Again };
    Outcome attempt(quint64 at, QByteArrayView raw, QByteArrayView sent, bool deflated, const Task &task, qint64 done);
    void begin(quint64 at, quint64 size, qsizetype sent, bool deflated, const Task &task);
    int blockBytes() const { return m_options.blockBytes[m_block]; }

    EspClient &m_client;
    Options m_options;
    qsizetype m_block = 0;
    bool m_blockProven = false; // a block of that size was taken
    qint64 m_dataBytes = 0;
};

} // namespace slipway
