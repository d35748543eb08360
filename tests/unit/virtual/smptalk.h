#pragma once
// The host's side for tests of the virtual device, as small as it can be.

#include "core/codec/packetdeframer.h"
#include "drivers/virtual/virtualsmp.h"

#include <QCborMap>

#include <functional>
#include <optional>

namespace slipway::test {

enum Op { Read = 0, Write = 2 };

QByteArray request(Op op, int group, int command, const QCborMap &body = {}, int sequence = 0, int version = 1);
QCborMap bodyOf(const QByteArray &message);
// Request and answer without a link.
QCborMap ask(VirtualSmp &device, Op op, int group, int command, const QCborMap &body = {});
// {"err": {"group", "rc"}} as "group/rc", {"rc"} as "rc", success as "".
QString errorOf(const QCborMap &answer);
// A whole image without a link; the last answer.
QCborMap upload(VirtualSmp &device, const QByteArray &image, int chunk = 1024);
QString shell(VirtualSmp &device, const QString &command, int *status = nullptr);
QByteArray testData(const QString &name);
bool waitUntil(const std::function<bool()> &condition, int ms = 10000);

// A port of a device, opened as a host opens it.
class Port
{
public:
    explicit Port(const QString &path);
    explicit Port(int fd) : m_fd(fd) {}
    Port(const Port &) = delete;
    Port &operator=(const Port &) = delete;
    ~Port();
    bool isOpen() const { return m_fd >= 0; }
    int fd() const { return m_fd; }
    void write(const QByteArray &bytes);
    // What arrives until there are `size` bytes or the time is over.
    QByteArray read(qsizetype size, int ms);
    bool atEnd(int ms); // the other end is gone
    // The next packet; nothing when none comes in time.
    std::optional<QByteArray> packet(PacketDeframer &deframer, int ms = 10000);

private:
    bool waitReadable(int ms) const;
    int m_fd;
};

} // namespace slipway::test
