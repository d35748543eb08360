#include "tests/unit/virtual/smptalk.h"

#include "core/codec/smpheader.h"

#include <QCborArray>
#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QFile>
#include <QTest>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::test {

QByteArray request(Op op, int group, int command, const QCborMap &body, int sequence, int version)
{
    const QByteArray cbor = QCborValue(body).toCbor();
    SmpHeader header;
    header.op = static_cast<SmpHeader::Op>(op);
    header.version = static_cast<std::uint8_t>(version);
    header.length = static_cast<std::uint16_t>(cbor.size());
    header.group = static_cast<std::uint16_t>(group);
    header.sequence = static_cast<std::uint8_t>(sequence);
    header.command = static_cast<std::uint8_t>(command);
    return header.encoded() + cbor;
}

QCborMap bodyOf(const QByteArray &message)
{
    return QCborValue::fromCbor(message.mid(SmpHeader::size)).toMap();
}

QCborMap ask(VirtualSmp &device, Op op, int group, int command, const QCborMap &body)
{
    return bodyOf(device.handle(request(op, group, command, body)));
}

QString errorOf(const QCborMap &answer)
{
    const QCborValue error = answer.value(QStringLiteral("err"));
    if (error.isMap())
        return QStringLiteral("%1/%2")
            .arg(error[QStringLiteral("group")].toInteger())
            .arg(error[QStringLiteral("rc")].toInteger());
    const qint64 rc = answer.value(QStringLiteral("rc")).toInteger(0);
    return rc ? QString::number(rc) : QString();
}

QCborMap upload(VirtualSmp &device, const QByteArray &image, int chunk)
{
    QCborMap answer;
    for (qsizetype at = 0; at < image.size();) {
        QCborMap body{{QStringLiteral("off"), static_cast<qint64>(at)}, {QStringLiteral("data"), image.mid(at, chunk)}};
        if (at == 0) {
            body.insert(QStringLiteral("len"), static_cast<qint64>(image.size()));
            body.insert(QStringLiteral("sha"), QCryptographicHash::hash(image, QCryptographicHash::Sha256));
        }
        answer = ask(device, Write, 1, 1, body);
        const qint64 next = answer.value(QStringLiteral("off")).toInteger(-1);
        if (next <= at)
            break;
        at = next;
    }
    return answer;
}

QString shell(VirtualSmp &device, const QString &command, int *status)
{
    const QCborMap answer =
        ask(device, Write, 9, 0, {{QStringLiteral("argv"), QCborArray::fromStringList(command.split(u' '))}});
    if (status)
        *status = static_cast<int>(answer.value(QStringLiteral("ret")).toInteger(-999));
    return answer.value(QStringLiteral("o")).toString().trimmed();
}

QByteArray testData(const QString &name)
{
    QFile file(QStringLiteral(SLIPWAY_TEST_DATA "/virtual/") + name);
    if (!file.open(QIODevice::ReadOnly))
        qFatal("no test data %s", qPrintable(file.fileName()));
    return file.readAll();
}

bool waitUntil(const std::function<bool()> &condition, int ms)
{
    return QTest::qWaitFor(condition, ms);
}

Port::Port(const QString &path)
    : m_fd(::open(QFile::encodeName(path).constData(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC))
{}

Port::~Port()
{
    if (m_fd >= 0)
        ::close(m_fd);
}

bool Port::waitReadable(int ms) const
{
    pollfd state = {.fd = m_fd, .events = POLLIN, .revents = 0};
    return ::poll(&state, 1, ms) == 1;
}

void Port::write(const QByteArray &bytes)
{
    for (qsizetype at = 0; at < bytes.size();) {
        const ssize_t wrote = ::write(m_fd, bytes.constData() + at, static_cast<size_t>(bytes.size() - at));
        if (wrote < 0 && errno != EAGAIN && errno != EINTR)
            return;
        at += std::max<ssize_t>(0, wrote);
        if (wrote < 0) {
            pollfd state = {.fd = m_fd, .events = POLLOUT, .revents = 0};
            ::poll(&state, 1, 100);
        }
    }
}

QByteArray Port::read(qsizetype size, int ms)
{
    QElapsedTimer timer;
    timer.start();
    QByteArray all;
    while (all.size() < size && timer.elapsed() < ms) {
        if (!waitReadable(static_cast<int>(std::max<qint64>(0, ms - timer.elapsed()))))
            break;
        char buffer[4096];
        const ssize_t got =
            ::read(m_fd, buffer, static_cast<size_t>(std::min<qsizetype>(size - all.size(), sizeof buffer)));
        if (got <= 0 && errno != EAGAIN)
            break;
        all.append(buffer, std::max<ssize_t>(0, got));
    }
    return all;
}

bool Port::atEnd(int ms)
{
    if (!waitReadable(ms))
        return false;
    char byte;
    const ssize_t got = ::read(m_fd, &byte, 1);
    return got == 0 || (got < 0 && errno == EIO);
}

std::optional<QByteArray> Port::packet(PacketDeframer &deframer, int ms)
{
    QElapsedTimer timer;
    timer.start();
    QByteArray packet;
    while (!deframer.next(packet)) {
        const qint64 left = ms - timer.elapsed();
        if (left <= 0 || !waitReadable(static_cast<int>(left)))
            return {};
        char buffer[4096];
        const ssize_t got = ::read(m_fd, buffer, sizeof buffer);
        if (got <= 0 && errno != EAGAIN)
            return {};
        deframer.feed(QByteArrayView(buffer, std::max<ssize_t>(0, got)));
    }
    return packet;
}

} // namespace slipway::test
