#pragma once
// The virtual line: virtual T1 boards behind modelled serial lines, a person who plugs in blank boards, and a scanner
// that reads the labels as they were printed. Shared by `slipway demo` and `slipway-desktop --demo`, and by tests.
// Everything runs in this process; only the training mode of a station sees it.

#include "core/station/station.h"
#include "drivers/virtual/linemodel.h"
#include "drivers/virtual/virtualsmp.h"

#include <QTemporaryDir>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

// Where init and the demonstration take the sample recipe and profile from.
inline const QString samplesFolder = QStringLiteral(":/slipway/samples");

// The home of a demonstration: given, or the person's own station, or one that is made for the purpose beside it.
Home openDemoHome(const QString &given, const QByteArray &passphrase = {});

struct VirtualLineOptions {
    int places = 4;
    int baud = 921600;
    std::chrono::microseconds latency{1000};
    // The recipe's image and key, so that the boards' boot loader knows the key; both may be empty.
    QByteArray bootKey;
};

class VirtualLine
{
public:
    explicit VirtualLine(const VirtualLineOptions &options);
    VirtualLine(const VirtualLine &) = delete;
    VirtualLine &operator=(const VirtualLine &) = delete;
    ~VirtualLine();

    QList<Station::SlotConfig> places() const;
    // Takes the board out of the place and puts a blank one in. place from 1.
    void plugBlank(int place);
    VirtualSmp &board(int place) { return *m_seats[size_t(place - 1)].board; }
    LineModel &line(int place) { return *m_seats[size_t(place - 1)].line; }

private:
    struct Seat {
        std::unique_ptr<VirtualSmp> board;
        std::unique_ptr<LineModel> line;
    };

    VirtualLineOptions m_options;
    QTemporaryDir m_folder;
    std::shared_ptr<LineHub> m_hub;
    std::vector<Seat> m_seats;
    quint64 m_boards = 0;
};

// A new serial number for a unit of the sample product, from the station's pool; the 9 in front marks it as virtual.
QString nextDemoSerial(Station &station);

// Reads each label that a place waits for, from the file that would have gone to the printer, and says yes to what else
// is asked. One thread, until destroyed.
class VirtualScanner
{
public:
    VirtualScanner(Station &station, QString labelFolder);
    VirtualScanner(const VirtualScanner &) = delete;
    VirtualScanner &operator=(const VirtualScanner &) = delete;
    ~VirtualScanner();

    // Content of the QR code in a ZPL label; empty when there is none.
    static QString read(const QByteArray &zpl);

private:
    struct Bell; // outlives this object inside the station's list of callbacks

    void work(const std::stop_token &stop);
    void look();

    Station &m_station;
    QString m_labelFolder;
    std::shared_ptr<Bell> m_bell;
    std::jthread m_thread;
};

} // namespace slipway
