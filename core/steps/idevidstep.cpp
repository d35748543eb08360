// idevid: gives the device its identity (IEEE 802.1AR IDevID). The private key is made on the device and stays there.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/signingkey.h"
#include "core/mud/mudurl.h"
#include "core/steps/identityissue.h"
#include "core/steps/kinds.h"
#include "core/steps/remoteissue.h"

#include <QCryptographicHash>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

using CertificateRow = Journal::Transaction::CertificateRow;

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

std::vector<CertificateRow> validCertificates(Journal &journal, Mode mode, const QString &serial)
{
    std::vector<CertificateRow> rows;
    journal.transact([&](Journal::Transaction &transaction) {
        for (CertificateRow &row : transaction.certificatesOfSerial(mode, serial)) {
            if (!row.revoked)
                rows.push_back(std::move(row));
        }
    });
    return rows;
}

class IdevidStep : public Step
{
public:
    explicit IdevidStep(const RecipeStep &step) : m_p(step.parameters) {}

    void prepare(StepContext &context) override
    {
        m_profile = context.profiles().find(m_p.value(u"profile"_s).toString());
        if (const QString masa = m_p.value(u"masa-url"_s).toString(); !masa.isEmpty())
            m_profile.masaUrl = masa;
        try {
            context.issuer().checkHealth();
        } catch (const Fault &fault) {
            // An outage that may be over when the certificate is due; it is waited for then, where it can be seen.
            if (!fault.retryable() || context.issuer().outage().patience.count() <= 0)
                throw;
        }
    }

    void run(StepContext &context, const Task &given) override
    {
        Task task = given;
        Keys *keys = context.device().keys();
        if (!keys)
            throw Fault("device.lacks", {u"make a key of its own"_s});
        const std::vector<CertificateRow> recorded =
            validCertificates(context.journal(), context.mode(), context.serial());
        const QList<QByteArray> held = keys->readChain(task);
        refuseUnsettled(context, recorded);
        const bool fresh = held.isEmpty() && recorded.empty();
        const QByteArray certificate = fresh            ? issue(context, *keys, task)
                                       : held.isEmpty() ? recordedCertificate(context, *keys, recorded, task)
                                                        : heldCertificate(context, recorded, held.first(), task);
        if (!fresh)
            judge(context, certificate, {});
        // Compared as a whole: where an earlier writing was cut, the first certificate may have arrived and the rest
        // not.
        const QList<QByteArray> chain = QList<QByteArray>{certificate} + context.issuer().chain();
        if (held != chain)
            write(context, *keys, chain, task);
        prove(*keys, certificate, task);
        tell(context, certificate, fresh);
    }

private:
    QString mudUrl(const StepContext &context) const { return context.expand(m_p.value(u"mud-url"_s).toString()); }

    // The device has an identity. That is right only where it is the one on record for this very unit.
    static QByteArray heldCertificate(StepContext &context, const std::vector<CertificateRow> &recorded,
                                      const QByteArray &held, const Task &task)
    {
        for (const CertificateRow &row : recorded) {
            if (row.sha256 == sha256(held)) {
                task.say(u"the device holds the certificate that is on record for it"_s);
                return held;
            }
        }
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

    // An identity that this station gave, but not to this unit as it is now: say whose it is.
    static void refuseIssuedHere(StepContext &context, const QByteArray &held, const QByteArray &publicKeySha256)
    {
        std::optional<CertificateRow> issued;
        context.journal().transact([&](Journal::Transaction &transaction) {
            for (CertificateRow &row : transaction.certificatesOfKey(publicKeySha256)) {
                if (row.sha256 == sha256(held))
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

    // A certificate was issued for this serial number before, but the device does not hold it: an interrupted run. It
    // is used where it belongs to the key that the device has; another one is never issued.
    static QByteArray recordedCertificate(StepContext &context, Keys &keys, const std::vector<CertificateRow> &recorded,
                                          const Task &task)
    {
        QByteArray keyHash;
        try {
            keyHash = CertificateRequest::parse(keys.request(context.serial(), task)).publicKeySha256;
        } catch (const Fault &fault) { // no key, for one
            if (fault.blame() != Blame::Unit || fault.retryable())
                throw;
            task.say(fault.text());
        }
        for (const CertificateRow &row : recorded) {
            if (!keyHash.isEmpty() && row.publicKeySha256 == keyHash) {
                task.say(u"certificate %1 was issued for this key before and is used"_s.arg(row.certificateSerial));
                return row.der;
            }
        }
        throw Fault("identity.duplicate-serial",
                    {context.serial(), recorded.front().certificateSerial, recorded.front().at});
    }

    // A certificate that came, but of which nobody knows whether the authority stands by it.
    static void refuseUnsettled(StepContext &context, const std::vector<CertificateRow> &recorded)
    {
        if (recorded.empty() || !context.issuer().isRemote())
            return;
        const auto open = openRequestOf(context.journal(), context.mode(), context.serial());
        if (open && !open->certificateSerial.isEmpty())
            throw Fault("identity.open-request", {context.serial(), open->issuer, open->at});
    }

    // The time that the issuer takes is not the device's: the task's deadline moves by it.
    QByteArray issue(StepContext &context, Keys &keys, Task &task) const
    {
        task.say(u"generating the key on the device"_s);
        keys.generate(task);
        IssueOrder order;
        order.request = CertificateRequest::parse(keys.request(context.serial(), task));
        if (order.request.serialNumber != context.serial())
            throw Fault("identity.csr-serial", {oneLine(order.request.serialNumber, 60), context.serial()});
        // Before a certificate is spent on it: the request may be an old one, of a key that is gone.
        prove(keys, order.request.publicKeyDer, task);
        order.profile = m_profile;
        order.serial = context.serial();
        order.mudUrl = mudUrl(context);
        order.certificateSerial = newCertificateSerial();
        task.check(u"Issuing the identity"_s);
        IssueRecord record;
        record.mode = context.mode();
        record.run = context.runId();
        record.stepIndex = context.stepIndex();
        Issuer &issuer = context.issuer();
        const auto left = task.deadline.remaining();
        Task asking = task;
        if (!task.deadline.isNever())
            asking.deadline = Deadline::in(left + issuer.outage().patience);
        const QByteArray certificate = issueRecorded(context.journal(), issuer, order, record, asking).der;
        if (!task.deadline.isNever())
            task.deadline = Deadline::in(left);
        judge(context, certificate, order.request.publicKeyDer);
        return certificate;
    }

    // What the unit gets, and also what it has from an earlier run, must be what the recipe asks for now. The station
    // made the certificate, so it is not the unit's fault.
    void judge(StepContext &context, const QByteArray &certificate, const std::optional<QByteArray> &publicKey) const
    {
        CertificateExpectations expected;
        expected.serial = context.serial();
        expected.mudUrl = mudUrl(context);
        expected.publicKey = publicKey;
        const auto findings = checkCertificate(certificate, m_profile, context.issuer().chain(), expected);
        if (!allHold(findings)) {
            throw Fault("identity.does-not-hold", {certificateFacts(certificate).certificateSerial, context.serial(),
                                                   m_profile.name, whatDoesNotHold(findings)});
        }
    }

    static void write(StepContext &context, Keys &keys, const QList<QByteArray> &chain, const Task &task)
    {
        const QString intent = context.intend(u"identity.write"_s, {{u"serial"_s, context.serial()},
                                                                    {u"certificate-sha256"_s, sha256(chain.first())},
                                                                    {u"chain-sha256"_s, sha256(chain.join())}});
        try {
            keys.writeChain(chain, task);
            if (keys.readChain(task) != chain)
                throw Fault("idevid.chain");
        } catch (const Fault &fault) {
            // What is on the device now is asked again before the next try; nothing is lost with it.
            context.outcome(intent, u"not-done"_s, fault.sentence());
            throw;
        }
        context.outcome(intent, u"done"_s, u"The device gave back the chain that was written."_s);
    }

    // key: certificate or SubjectPublicKeyInfo.
    static void prove(Keys &keys, const QByteArray &key, const Task &task)
    {
        const QByteArray challenge = newChallenge();
        const QByteArray signature = keys.sign(challenge, task);
        if (!verifySignature(key, challenge, signature))
            throw Fault("idevid.possession");
        task.say(u"the device signed a fresh challenge with its key"_s);
    }

    static void tell(StepContext &context, const QByteArray &certificate, bool fresh)
    {
        const CertificateFacts facts = certificateFacts(certificate);
        context.fact(u"certificate"_s, facts.certificateSerial);
        context.fact(u"issuer"_s, facts.issuer);
        context.fact(u"not-after"_s, facts.notAfter);
        if (!facts.mudUrl.isEmpty())
            context.fact(u"mud-url"_s, facts.mudUrl);
        context.summary(u"%1 %2, possession proved"_s.arg(fresh ? u"certificate"_s : u"keeps certificate"_s,
                                                          facts.certificateSerial));
    }

    QVariantMap m_p;
    Profile m_profile;
};

// A certificate leaves the station only after it is recorded, so the journal alone knows; what an authority somewhere
// else did, only that authority.
Reconciled reconcileIssue(const QCborMap &detail, const Evidence &evidence)
{
    if (!evidence.journal)
        return {u"unknown"_s, u"Nobody has looked into the journal."_s, u"Open the station again."_s};
    const QString wanted = detail.value(u"certificate-serial"_s).toString();
    bool recorded = false;
    evidence.journal->transact([&](Journal::Transaction &transaction) {
        const auto rows = transaction.certificatesOfSerial(evidence.mode, evidence.serial);
        recorded = std::any_of(rows.begin(), rows.end(),
                               [&wanted](const CertificateRow &row) { return row.certificateSerial == wanted; });
    });
    if (detail.contains(u"transaction"_s)) {
        const auto open = openRequestOf(*evidence.journal, evidence.mode, evidence.serial);
        const QString issuer = detail.value(u"issuer"_s).toString();
        if (open && !open->certificateSerial.isEmpty()) {
            return {
                u"unknown"_s,
                u"Certificate %1 for %2 is on record, but nobody knows whether issuer %3 got the confirmation for it."_s
                    .arg(open->certificateSerial, evidence.serial, issuer),
                u"Ask the people of that issuer whether it is valid, then: slipway identity settle %1"_s.arg(
                    evidence.serial)};
        }
        return {u"unknown"_s,
                u"Issuer %1 was asked for a certificate for %2, and what it did is not on record."_s.arg(
                    issuer, evidence.serial),
                u"Run the unit again: the same request is asked for where that is safe. Or ask the people of that "
                "issuer, then: slipway identity settle %1"_s.arg(evidence.serial)};
    }
    if (recorded) {
        return {u"done"_s, u"Certificate %1 was issued for %2 and is on record."_s.arg(wanted, evidence.serial),
                u"Run the recipe again: the device gets this certificate where it still has the key for it."_s};
    }
    return {u"not-done"_s, u"No certificate for %1 was recorded then, so none left the station."_s.arg(evidence.serial),
            u"Run the recipe again."_s};
}

Reconciled reconcileWrite(const QCborMap &detail, const Evidence &evidence)
{
    const QString again = u"Run the recipe again: it asks the device what it holds and issues nothing twice."_s;
    Keys *keys = evidence.device ? evidence.device->keys() : nullptr;
    if (!keys) {
        return {u"unknown"_s, u"Nobody knows whether %1 holds its certificate."_s.arg(evidence.serial),
                u"Put the unit into a place and run the recipe again."_s};
    }
    QList<QByteArray> chain;
    try {
        chain = keys->readChain(evidence.task);
    } catch (const Fault &fault) {
        return {u"unknown"_s, u"The device did not say what it holds: "_s + fault.sentence(), again};
    }
    if (!chain.isEmpty() && sha256(chain.join()) == detail.value(u"chain-sha256"_s).toByteArray())
        return {u"done"_s, u"The device holds the certificate that was written."_s, again};
    const bool first = !chain.isEmpty() && sha256(chain.first()) == detail.value(u"certificate-sha256"_s).toByteArray();
    return {u"not-done"_s,
            chain.isEmpty() ? u"The device holds no certificate."_s
            : first         ? u"The device holds the certificate, but not the whole chain with it."_s
                            : u"The device holds another certificate."_s,
            again};
}

} // namespace

StepKind idevidKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"idevid"_s;
    kind.title = u"Identity"_s;
    kind.summary = u"Has the device make a key, issues its IDevID certificate and proves that the device holds both."_s;
    kind.manual =
        u"The device makes its own P-256 key and asks for a certificate; the request's signature and serial number are "
        "checked, and that the device can sign with that key. The station's issuer issues an IEEE 802.1AR certificate "
        "after the profile. Certificate and chain are "
        "written, read back and compared, and a fresh random challenge that the device signs proves that it has the "
        "private key.\n\n"
        "No serial number and no public key gets a second certificate, across the whole journal. A unit whose run was "
        "interrupted keeps the certificate that is on record for it, where it still has the key; so does a unit that "
        "is run again. A certificate that is kept must be what recipe and profile ask for now, or the run ends as "
        "ERROR; a chain on the device that is not whole is written again. A device that holds any other identity is "
        "refused, with the name of the unit whose it is, where this station gave it."_s;
    kind.example = u"- idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }"_s;
    kind.parameters = {{.name = u"profile"_s, .required = true, .doc = u"Certificate profile of the station's home."_s},
                       {.name = u"key"_s,
                        .type = Type::Choice,
                        .fallback = u"on-device"_s,
                        .choices = {u"on-device"_s},
                        .doc = u"Where the key comes from. It is made on the device and never leaves it."_s},
                       {.name = u"mud-url"_s,
                        .type = Type::Url,
                        .doc = u"MUD URL (RFC 8520) for the certificate; the profile says whether one is needed."_s},
                       {.name = u"masa-url"_s,
                        .doc = u"MASA authority or URL (RFC 8995) for the certificate, instead of the profile's."_s}};
    kind.weight = 1.5;
    kind.timeoutMs = 30'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Keys}; };
    kind.check = [](const QVariantMap &p, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        const QString url = p.value(u"mud-url"_s).toString();
        if (!url.isEmpty() && !url.contains(u"${"_s)) {
            if (const QString why = MudUrl::whyNot(url); !why.isEmpty())
                troubles.append({u"mud-url"_s, u"this is no MUD URL: "_s + why});
        }
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<IdevidStep>(step); };
    kind.acts = {u"identity.issue"_s, u"identity.write"_s};
    kind.reconcile = [](const QString &act, const QCborMap &detail, const Evidence &evidence) {
        return act == u"identity.issue" ? reconcileIssue(detail, evidence) : reconcileWrite(detail, evidence);
    };
    return kind;
}

} // namespace slipway
