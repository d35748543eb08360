#pragma once
// What went wrong, written for the person in front of the station. A Fault carries a stable code, one sentence and one
// remedy, both taken from the table in faulttable.cpp; the technical detail is for the log only. Faults are thrown
// anywhere below the Runner and the command line, and caught there.

#include <QString>
#include <QStringList>

#include <exception>
#include <span>

namespace slipway {

// Whose fault it is; decides verdict and exit status.
enum class Blame {
    Unit,    // the device: verdict FAIL, exit status 1
    Usage,   // the words or the file handed in: exit status 2 (within a run: ERROR)
    Station, // this computer, its cables, issuer or disk: verdict ERROR, exit status 3
    Person,  // somebody stopped it: verdict STOPPED, exit status 4
};

struct FaultKind {
    const char *code; // "smp.no-answer": room or driver, dot, what
    Blame blame;
    bool retryable;       // trying the same thing again can help
    const char *sentence; // %1 %2 ... are replaced by the arguments
    const char *remedy;   // the same; what the person does next
};

// Every code there is. A test checks that each code thrown in the source stands here, once.
std::span<const FaultKind> faultTable();
const FaultKind *faultKind(QAnyStringView code);

class Fault : public std::exception
{
public:
    // code must stand in the table. arguments fill %1 %2 ... of sentence and remedy; detail is for the log.
    explicit Fault(const char *code, QStringList arguments = {}, QString detail = {});

    const char *code() const { return m_kind->code; }
    Blame blame() const { return m_kind->blame; }
    bool retryable() const { return m_kind->retryable; }
    QString sentence() const;
    QString remedy() const;
    QString detail() const { return m_detail; }
    // "sentence remedy", as the command line prints it.
    QString text() const;
    int exitStatus() const;
    bool is(QAnyStringView code) const;
    const char *what() const noexcept override { return m_what.constData(); }

private:
    const FaultKind *m_kind;
    QStringList m_arguments;
    QString m_detail;
    QByteArray m_what;
};

} // namespace slipway
