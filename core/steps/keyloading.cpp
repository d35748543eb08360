#include "core/steps/keyloading.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/signingkey.h"
#include "core/identity/trust.h"

#include <QCryptographicHash>

#include <sqlite3.h>

#include <array>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qsizetype keptAttestation = 8 * 1024;

struct Way {
    const char *value, *method, *transfer;
};
constexpr std::array<Way, 5> ways{{{"on-device", "avocado", "device-generated"},
                                   {"secure-element", "salak", "device-generated"},
                                   {"preloaded", "sapodilla", "delivered inside the chip"},
                                   {"derived", "carrot", "device/infrastructure-co-generated"},
                                   {"injected", "bamboo", "infrastructure-generated"}}};

CertificateRequest requestOfDevice(const StepContext &context, Keys &keys, const Task &task)
{
    CertificateRequest request = CertificateRequest::parse(keys.request(context.serial(), task));
    if (request.serialNumber != context.serial())
        throw Fault("identity.csr-serial", {oneLine(request.serialNumber, 60), context.serial()});
    // Before a certificate is spent on it: the request may be an old one, of a key that is gone.
    provePossession(keys, request.publicKeyDer, task);
    return request;
}

void tellElement(StepContext &context, const Keys::Element &element, const QList<QByteArray> &anchors,
                 const QByteArray &publicKey, const Task &task)
{
    context.fact(u"key-element"_s, oneLine(element.name, 80));
    context.fact(u"key-handle"_s, oneLine(element.handle, 80));
    QString judged = u"none"_s;
    if (!element.attestation.isEmpty()) {
        judged = u"recorded, not judged"_s;
        context.record(
            u"attestation"_s,
            {{u"element"_s, oneLine(element.name, 80)},
             {u"sha256"_s, QCryptographicHash::hash(element.attestation, QCryptographicHash::Sha256)},
             {u"evidence"_s, element.attestation.first(std::min(element.attestation.size(), keptAttestation))}});
    }
    if (!anchors.isEmpty()) {
        if (element.attestation.isEmpty())
            throw Fault("idevid.attestation", {u"it says nothing"_s});
        QList<QByteArray> chain;
        try {
            chain = certificatesFromPem(element.attestation);
        } catch (const Fault &) {
            throw Fault("idevid.attestation", {u"it is no certificate"_s});
        }
        if (const QString why = whyNotTrusted(chain, anchors); !why.isEmpty())
            throw Fault("idevid.attestation", {why});
        judged = certificateFacts(chain.first()).publicKeyDer == publicKey
                     ? u"of this key, by a trusted vendor"_s
                     : u"the element's own certificate, by a trusted vendor"_s;
    }
    context.fact(u"key-attestation"_s, judged);
    task.say(u"the key lies in the %1 as %2; attestation: %3"_s.arg(element.name, element.handle, judged));
}

CertificateRequest inElement(StepContext &context, Keys &keys, const KeyOrder &order, const Task &task)
{
    task.say(u"generating the key in the device's secure element"_s);
    const Keys::Element element = keys.generateInElement(task);
    const CertificateRequest request = requestOfDevice(context, keys, task);
    tellElement(context, element, order.elementAnchors, request.publicKeyDer, task);
    return request;
}

CertificateRequest derived(StepContext &context, Keys &keys, const Task &task)
{
    const SeedTable *seeds = context.seeds();
    if (!seeds || seeds->isEmpty())
        throw Fault("identity.no-seed", {context.serial()});
    const PrivateKey key = PrivateKey::derive(seeds->of(context.serial()), context.serial());
    const SecretSweep sweep(key.number());
    task.say(u"the device derives its key, and so does the station"_s);
    keys.derive(context.serial(), task);
    try {
        provePossession(keys, key.publicKeyDer(), task);
    } catch (const Fault &fault) {
        if (fault.is("idevid.possession"))
            throw Fault("idevid.derivation");
        throw;
    }
    return key.request(context.serial());
}

// The key goes in and is proved before anything is issued for it: a key whose way was cut has no certificate, and the
// next try makes another one.
CertificateRequest injected(StepContext &context, Keys &keys, const Task &task)
{
    const PrivateKey key = PrivateKey::generate();
    const SecretSweep sweep(key.number());
    if (!SecretBytes::locked())
        task.say(unlockedMemory);
    const QString intent =
        context.intend(u"identity.inject"_s, {{u"serial"_s, context.serial()}, {u"public-key"_s, key.publicKeyDer()}});
    try {
        task.say(u"a key is made and brought into the device"_s);
        keys.load(key.pkcs8(), task);
        provePossession(keys, key.publicKeyDer(), task);
    } catch (const Fault &fault) {
        context.outcome(intent, u"not-done"_s,
                        u"The key was dropped; nothing was issued for it. "_s + fault.sentence());
        throw;
    }
    context.outcome(intent, u"done"_s, u"The device signed a challenge with the key that it was given."_s);
    return key.request(context.serial());
}

// Reads the intents that name this certificate.
class Writings
{
public:
    Writings(sqlite3 *database, const QString &serial)
    {
        const char *sql = "SELECT e.body, i.state FROM intent i JOIN entry e ON e.seq = i.entry WHERE i.act = "
                          "'identity.write' AND i.device = ?1";
        if (sqlite3_prepare_v2(database, sql, -1, &m_statement, nullptr) != SQLITE_OK)
            throw Fault("internal.defect", {}, QString::fromUtf8(sqlite3_errmsg(database)));
        const QByteArray utf8 = serial.toUtf8();
        sqlite3_bind_text(m_statement, 1, utf8.constData(), int(utf8.size()), SQLITE_TRANSIENT);
    }
    ~Writings() { sqlite3_finalize(m_statement); }
    Writings(const Writings &) = delete;
    Writings &operator=(const Writings &) = delete;

    bool ended(const QByteArray &certificateSha256)
    {
        while (sqlite3_step(m_statement) == SQLITE_ROW) {
            const QByteArray body(static_cast<const char *>(sqlite3_column_blob(m_statement, 0)),
                                  sqlite3_column_bytes(m_statement, 0));
            const auto *state = reinterpret_cast<const char *>(sqlite3_column_text(m_statement, 1));
            const QCborMap detail = QCborValue::fromCbor(body).toMap().value(u"detail"_s).toMap();
            if (state && qstrcmp(state, "done") == 0 &&
                detail.value(u"certificate-sha256"_s).toByteArray() == certificateSha256)
                return true;
        }
        return false;
    }

private:
    sqlite3_stmt *m_statement = nullptr;
};

// An identity that this station gave, but not to this unit as it is now: say whose it is.
void refuseIssuedHere(StepContext &context, const QByteArray &held, const QByteArray &publicKeySha256)
{
    const QByteArray sha256 = QCryptographicHash::hash(held, QCryptographicHash::Sha256);
    std::optional<CertificateRow> issued;
    context.journal().transact([&](Journal::Transaction &transaction) {
        for (CertificateRow &row : transaction.certificatesOfKey(publicKeySha256)) {
            if (row.sha256 == sha256)
                issued = std::move(row);
        }
    });
    if (!issued)
        return;
    if (issued->revoked)
        throw Fault("idevid.revoked", {issued->certificateSerial, issued->serial});
    if (issued->serial != context.serial())
        throw Fault("idevid.other-unit", {u"unit %1"_s.arg(issued->serial)});
    const Mode other = context.mode() == Mode::Training ? Mode::Production : Mode::Training;
    throw Fault("idevid.other-unit", {u"unit %1 in %2"_s.arg(issued->serial, toString(other))});
}

} // namespace

QStringList keySources()
{
    QStringList out;
    for (const Way &way : ways)
        out << QString::fromLatin1(way.value);
    return out;
}

KeySource keySource(const QString &value)
{
    return KeySource(std::max<qsizetype>(0, keySources().indexOf(value)));
}

IssueRecord issueRecordOf(const StepContext &context, KeySource source, bool installed)
{
    const Way &way = ways[size_t(source)];
    const bool network = context.port().startsWith(u"udp:") || context.port().startsWith(u"coap");
    IssueRecord record;
    record.mode = context.mode();
    record.run = context.runId();
    record.stepIndex = context.stepIndex();
    record.method = QString::fromLatin1(way.method);
    record.transfer = QString::fromLatin1(way.transfer);
    if (source != KeySource::Preloaded)
        record.transfer += installed ? u", mechanically-installed"_s
                           : network ? u", network-transferred"_s
                                     : u", mechanically-transferred"_s;
    return record;
}

CertificateRequest obtainKey(StepContext &context, Keys &keys, const KeyOrder &order, const Task &task)
{
    switch (order.source) {
    case KeySource::SecureElement:
        return inElement(context, keys, order, task);
    case KeySource::Derived:
        return derived(context, keys, task);
    case KeySource::Injected:
        return injected(context, keys, task);
    default:
        task.say(u"generating the key on the device"_s);
        keys.generate(task);
        return requestOfDevice(context, keys, task);
    }
}

QByteArray issueInStep(StepContext &context, const IssueOrder &order, const IssueRecord &record, Task &task)
{
    task.check(u"Issuing the identity"_s);
    Issuer &issuer = context.issuer();
    const auto left = task.deadline.remaining();
    Task asking = task;
    if (!task.deadline.isNever())
        asking.deadline = Deadline::in(left + issuer.outage().patience);
    const QByteArray certificate = issueRecorded(context.journal(), issuer, order, record, asking).der;
    if (!task.deadline.isNever())
        task.deadline = Deadline::in(left);
    return certificate;
}

void provePossession(Keys &keys, const QByteArray &key, const Task &task)
{
    const QByteArray challenge = newChallenge();
    const QByteArray signature = keys.sign(challenge, task);
    if (!verifySignature(key, challenge, signature))
        throw Fault("idevid.possession");
    task.say(u"the device signed a fresh challenge with its key"_s);
}

std::vector<CertificateRow> validCertificates(Journal &journal, Mode mode, const QString &serial)
{
    std::vector<CertificateRow> rows;
    journal.transact([&](Journal::Transaction &transaction) {
        for (CertificateRow &row : transaction.certificatesOfSerial(mode, serial)) {
            if (!row.revoked && row.kind != u"ldevid") // an owner's certificate stands beside it
                rows.push_back(std::move(row));
        }
    });
    return rows;
}

bool wasDelivered(Journal &journal, const CertificateRow &row)
{
    bool delivered = false;
    journal.transact([&](Journal::Transaction &transaction) {
        delivered = Writings(transaction.handle(), row.serial).ended(row.sha256);
    });
    return delivered;
}

void withdrawUndelivered(StepContext &context, const CertificateRow &row, const Task &task)
{
    revokeRecorded(context.journal(), context.mode(), row.certificateSerial, u"superseded"_s);
    context.fact(u"never-delivered"_s, row.certificateSerial);
    task.say(u"certificate %1 never reached a device that was seen to hold it, and its key is gone: it is revoked, and "
             "the unit gets a new key"_s.arg(row.certificateSerial));
}

void refuseHeld(StepContext &context, const QByteArray &held, const Task &task)
{
    QString whose = u"it cannot be read"_s;
    try {
        const CertificateFacts facts = certificateFacts(held);
        whose = oneLine(facts.subjectSerial, 60);
        refuseIssuedHere(context, held, facts.publicKeySha256);
    } catch (const Fault &fault) {
        if (!fault.is(u"identity.certificate"))
            throw;
        task.say(fault.text());
    }
    if (context.device().facts(task).locked.value_or(false))
        throw Fault("device.locked", {});
    throw Fault("idevid.present", {whose});
}

Reconciled reconcileInjection(const QCborMap &detail, const Evidence &evidence)
{
    const QString again = u"Run the recipe again: nothing was issued for that key, and the unit gets a new one."_s;
    Keys *keys = evidence.device ? evidence.device->keys() : nullptr;
    if (!keys)
        return {u"unknown"_s, u"Nobody knows whether %1 took the key that it was given."_s.arg(evidence.serial), again};
    try {
        provePossession(*keys, detail.value(u"public-key"_s).toByteArray(), evidence.task);
        return {u"done"_s, u"The device holds the key that it was given."_s, again};
    } catch (const Fault &fault) {
        if (fault.retryable() || fault.blame() != Blame::Unit)
            return {u"unknown"_s, u"The device did not prove which key it holds: "_s + fault.sentence(), again};
        return {u"not-done"_s, u"The device does not hold the key that it was given."_s, again};
    }
}

} // namespace slipway
