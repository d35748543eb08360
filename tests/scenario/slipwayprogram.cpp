#include "tests/scenario/slipwayprogram.h"

#include <QDeadlineTimer>
#include <QFileInfo>
#include <QJsonDocument>

#include <csignal>

namespace slipway::test {

using namespace Qt::StringLiterals;

namespace {

constexpr int patienceMs = 30'000;

QProcessEnvironment environment()
{
    QProcessEnvironment env = QProcessEnvironment::systemEnvironment();
    env.insert(u"SLIPWAY"_s, slipwayProgram());
    env.insert(u"LC_ALL"_s, u"C.UTF-8"_s);
    env.remove(u"QT_QPA_PLATFORM"_s);
    return env;
}

int statusOf(const QProcess &process)
{
    return process.exitStatus() == QProcess::CrashExit ? 128 + process.exitCode() : process.exitCode();
}

} // namespace

QString Ran::lastLine() const
{
    return QString::fromUtf8(out.trimmed().split('\n').last());
}

QString Ran::text() const
{
    return u"status %1\n--- out\n%2--- err\n%3"_s.arg(status).arg(QString::fromUtf8(out), QString::fromUtf8(err));
}

QList<QJsonObject> Ran::objects() const
{
    QList<QJsonObject> list;
    for (const QByteArray &line : out.split('\n')) {
        if (line.isEmpty())
            continue;
        const QJsonDocument document = QJsonDocument::fromJson(line);
        list += document.isObject() ? document.object() : QJsonObject{{u"not-json"_s, QString::fromUtf8(line)}};
    }
    return list;
}

QString slipwayProgram()
{
    return QStringLiteral(SLIPWAY_BIN_DIR "/slipway");
}

Ran run(const QString &program, const QStringList &arguments, const QByteArray &input, int seconds)
{
    QProcess process;
    process.setProcessEnvironment(environment());
    process.start(program, arguments);
    process.write(input);
    process.closeWriteChannel();
    Ran ran;
    if (process.waitForFinished(seconds * 1000))
        ran.status = statusOf(process);
    else
        process.kill();
    process.waitForFinished();
    ran.out = process.readAllStandardOutput();
    ran.err = process.readAllStandardError();
    return ran;
}

Ran slipwayRun(const QStringList &arguments, const QByteArray &input, int seconds)
{
    return run(slipwayProgram(), arguments, input, seconds);
}

Ran shell(const QString &line, const QString &folder, int seconds)
{
    return run(u"/bin/bash"_s, {u"-c"_s, folder.isEmpty() ? line : u"cd '%1' && %2"_s.arg(folder, line)}, {}, seconds);
}

Running::Running(const QString &program, const QStringList &arguments)
{
    m_process.setProcessEnvironment(environment());
    m_process.start(program, arguments);
    m_process.waitForStarted();
}

Running::~Running()
{
    if (isRunning()) {
        m_process.terminate();
        if (!m_process.waitForFinished(5000))
            m_process.kill();
        m_process.waitForFinished();
    }
}

void Running::take()
{
    m_out += m_process.readAllStandardOutput();
    m_err += m_process.readAllStandardError();
}

bool Running::waitForFile(const QString &path)
{
    const QDeadlineTimer deadline(patienceMs);
    while (!QFileInfo::exists(path)) {
        if (deadline.hasExpired() || !isRunning())
            return false;
        m_process.waitForReadyRead(20);
        take();
    }
    return true;
}

bool Running::waitForText(const QByteArray &text)
{
    const QDeadlineTimer deadline(patienceMs);
    for (;;) {
        take();
        if (m_out.contains(text) || m_err.contains(text))
            return true;
        if (deadline.hasExpired() || !isRunning())
            return false;
        m_process.waitForReadyRead(20);
    }
}

QByteArray Running::output()
{
    take();
    return m_out;
}

void Running::type(const QByteArray &text)
{
    m_process.write(text);
    m_process.waitForBytesWritten();
}

void Running::signal(int number)
{
    ::kill(pid_t(m_process.processId()), number);
}

Ran Running::finish(int seconds)
{
    Ran ran;
    if (m_process.state() == QProcess::NotRunning || m_process.waitForFinished(seconds * 1000))
        ran.status = statusOf(m_process);
    else
        m_process.kill();
    m_process.waitForFinished();
    take();
    ran.out = m_out;
    ran.err = m_err;
    return ran;
}

} // namespace slipway::test
