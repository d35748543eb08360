#pragma once
// A serial line as it is: stands between a host's pty and a device and passes bytes as a UART behind a USB-serial
// adapter would. 10 bits a byte in each direction at the baud rate given. Bytes from the device reach the host in the
// adapter's packets: when 62 are together, or when the latency timer runs out. Bytes from the host leave at line rate
// through a bounded buffer, so a fast writer is held back as by a real port. Bytes are lost or flipped with the given
// probability, reproducibly. The model is described in drivers/virtual/README.md. Throws Fault virtual.link.

#include <QString>

#include <chrono>
#include <memory>
#include <optional>

namespace slipway {

struct LineOptions {
    int baud = 921600;
    std::chrono::microseconds latency{1000}; // of the adapter's timer, device to host
    int packet = 62;                         // payload of one packet, device to host
    int hostBuffer = 4096;                   // bytes taken from the host and not yet on the wire
    double drop = 0;                         // probability per byte, both directions
    double flip = 0;                         // probability per byte that one bit is wrong
    qint64 cutAfter = -1;                    // the line goes dead after so many bytes towards the device; -1: never
    quint64 seed = 1;

    QString hostLink;   // symlink to the host's pty; empty: only path()
    QString devicePath; // pty of the device; opened again when the device re-enumerates
    int deviceFd = -1;  // or a descriptor, closed in the end
};

// One thread that serves any number of lines. It sleeps while nothing is on the wire and wakes at most every
// millisecond otherwise.
class LineHub
{
public:
    LineHub();
    LineHub(const LineHub &) = delete;
    LineHub &operator=(const LineHub &) = delete;
    ~LineHub();

private:
    friend class LineModel;
    struct Private;
    std::unique_ptr<Private> d;
};

class LineModel
{
public:
    // Without a hub the line has one of its own.
    explicit LineModel(LineOptions options, std::shared_ptr<LineHub> hub = {});
    LineModel(const LineModel &) = delete;
    LineModel &operator=(const LineModel &) = delete;
    ~LineModel();

    void start();         // throws virtual.link
    void stop();          // the host sees the port go; symlink removed
    QString path() const; // of the host's end: the symlink, or the pty

    struct Counters {
        qint64 toDevice = 0; // bytes delivered
        qint64 toHost = 0;
        qint64 dropped = 0; // lost on purpose
        qint64 flipped = 0;
        qint64 overrun = 0; // lost because nobody took them
        bool cut = false;
        bool deviceOpen = false; // the device's end could be opened
        // First and last byte delivered to the device: rates are measured there, since a pty swallows some 20 KB.
        std::optional<std::chrono::steady_clock::time_point> firstToDevice, lastToDevice;
    };
    Counters counters() const;
    void setCut(bool cut); // pulls the wire, or mends it

private:
    friend class LineHub;
    struct Private;
    std::shared_ptr<Private> d;
};

} // namespace slipway
