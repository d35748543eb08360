#include "app/common/demo.h"

#include "core/base/fault.h"
#include "core/base/files.h"

#include <QFileInfo>
#include <QRegularExpression>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {
constexpr qint64 labelLimit = 64 * 1024;
}

Home openDemoHome(const QString &given, const QByteArray &passphrase)
{
    QString path = given;
    if (path.isEmpty())
        path = Home::exists(Home::defaultPath()) ? Home::defaultPath() : Home::defaultPath() + u"-demo"_s;
    if (!Home::exists(path))
        return Home::create(path, u"Demonstration"_s, samplesFolder, passphrase);
    return Home::open(path, passphrase);
}

VirtualLine::VirtualLine(const VirtualLineOptions &options) : m_options(options), m_hub(std::make_shared<LineHub>())
{
    if (!m_folder.isValid())
        throw Fault("file.unwritable", {m_folder.path(), m_folder.errorString()});
    m_seats.resize(size_t(options.places));
    for (int place = 1; place <= options.places; ++place)
        plugBlank(place);
}

VirtualLine::~VirtualLine() = default;

QList<Station::SlotConfig> VirtualLine::places() const
{
    QList<Station::SlotConfig> list;
    for (size_t i = 0; i < m_seats.size(); ++i) {
        const int number = int(i) + 1;
        list.append({number, QString::number(number), m_seats[i].line->path(), u"smp"_s});
    }
    return list;
}

void VirtualLine::plugBlank(int place)
{
    Seat &seat = m_seats.at(size_t(place - 1));
    seat.line.reset();
    seat.board.reset();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw Fault("virtual.link", {QString::number(place), QString::fromLocal8Bit(std::strerror(errno))});

    VirtualSmpOptions board;
    board.link = VirtualSmpOptions::Link::Descriptors;
    board.readFd = ends[0];
    board.writeFd = ends[0];
    board.seed = ++m_boards;
    if (!m_options.bootKey.isEmpty())
        board.bootKeys = {m_options.bootKey};
    seat.board = std::make_unique<VirtualSmp>(board);
    seat.board->start();

    LineOptions line;
    line.baud = m_options.baud;
    line.latency = m_options.latency;
    line.deviceFd = ends[1];
    line.hostLink = m_folder.filePath(u"place-%1"_s.arg(place));
    line.seed = m_boards;
    seat.line = std::make_unique<LineModel>(line, m_hub);
    seat.line->start();
}

QString nextDemoSerial(Station &station)
{
    return station.takeNumber(u"serial"_s, u"T1-9%07d"_s);
}

struct VirtualScanner::Bell {
    std::mutex mutex;
    std::condition_variable_any rung;
    bool ringing = true; // look once at the start
};

VirtualScanner::VirtualScanner(Station &station, QString labelFolder)
    : m_station(station), m_labelFolder(std::move(labelFolder)), m_bell(std::make_shared<Bell>())
{
    station.onChanged([bell = m_bell](int) {
        const std::lock_guard lock(bell->mutex);
        bell->ringing = true;
        bell->rung.notify_all();
    });
    m_thread = std::jthread([this](const std::stop_token &stop) { work(stop); });
}

VirtualScanner::~VirtualScanner() = default;

void VirtualScanner::work(const std::stop_token &stop)
{
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(m_bell->mutex);
            if (!m_bell->rung.wait(lock, stop, [this] { return m_bell->ringing; }))
                return;
            m_bell->ringing = false;
        }
        look();
    }
}

void VirtualScanner::look()
{
    for (int place = 1; place <= m_station.slotCount(); ++place) {
        try {
            const SlotView view = m_station.slot(place);
            if (!view.prompt)
                continue;
            if (view.prompt->kind == PromptRequest::Kind::ScanBack) {
                const QString file = m_labelFolder + u"/label-%1.zpl"_s.arg(view.serial);
                const QString label = read(readFile(file, labelLimit, u"a label"_s));
                // A label that nobody waits for is the wrong one for this place, which has to hear of it.
                if (!m_station.scan(label).accepted)
                    m_station.answer(place, {true, label});
            } else if (view.prompt->kind != PromptRequest::Kind::Value) {
                m_station.answer(place, {});
            }
        } catch (const Fault &) {
            // Answered or stopped meanwhile; the next change rings again.
        }
    }
}

QString VirtualScanner::read(const QByteArray &zpl)
{
    // ^BQ is the QR code; its data field carries the error correction level, the input mode and a comma in front.
    static const QRegularExpression form(u"\\^BQ[^^]*\\^FD[A-Z]{2},([^^]*)\\^FS"_s);
    return form.match(QString::fromUtf8(zpl)).captured(1);
}

} // namespace slipway
