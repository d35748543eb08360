#pragma once
// Runs the real programs as a person or a script would, and reads what they print.

#include <QJsonObject>
#include <QList>
#include <QProcess>
#include <QStringList>

#include <memory>

namespace slipway::test {

struct Ran {
    int status = -1; // 128 + signal where one ended it
    QByteArray out;
    QByteArray err;
    QString lastLine() const;           // of the output
    QString text() const;               // everything, for a failing test
    QList<QJsonObject> objects() const; // of the output; an object {"not-json": line} for a line that is none
};

// A program and its arguments, to its end. Kills it after the time limit: status -1.
Ran run(const QString &program, const QStringList &arguments, const QByteArray &input = {}, int seconds = 90);
// The slipway of this build.
Ran slipwayRun(const QStringList &arguments, const QByteArray &input = {}, int seconds = 90);
// A line for sh -c, with $SLIPWAY set.
Ran shell(const QString &line, const QString &folder = {}, int seconds = 90);
QString slipwayProgram();

// A program that stays: a virtual device, a run. Ended with the object.
class Running
{
public:
    Running(const QString &program, const QStringList &arguments);
    ~Running();
    bool waitForFile(const QString &path);    // that it makes
    bool waitForText(const QByteArray &text); // in its output or its messages
    QByteArray output();                      // so far
    bool isRunning() const { return m_process.state() == QProcess::Running; }
    void signal(int number);
    void type(const QByteArray &text);
    Ran finish(int seconds = 60);
    qint64 pid() const { return m_process.processId(); }

private:
    QProcess m_process;
    QByteArray m_out, m_err;
    void take();
};

} // namespace slipway::test
