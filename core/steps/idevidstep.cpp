// idevid: gives the device its identity (IEEE 802.1AR IDevID), in one of five ways (keyloading.h).

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/espsecurecert.h"
#include "core/identity/check.h"
#include "core/identity/clockstate.h"
#include "core/identity/signingkey.h"
#include "core/identity/trust.h"
#include "core/mud/mudurl.h"
#include "core/steps/keyloading.h"
#include "core/steps/kinds.h"
#include "core/steps/lotpair.h"
#include "core/steps/mudrecord.h"
#include "core/steps/partitionidentity.h"
#include "core/steps/partitionplace.h"
#include "core/steps/recipesignature.h"
#include "core/steps/remoteissue.h"

#include <QCryptographicHash>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QByteArray sha256(const QByteArray &bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

class IdevidStep : public Step
{
public:
    explicit IdevidStep(const RecipeStep &step)
        : m_p(step.parameters), m_source(keySource(m_p.value(u"key"_s).toString()))
    {}

    void prepare(StepContext &context) override
    {
        m_profile = context.profiles().find(m_p.value(u"profile"_s).toString());
        if (const QString masa = m_p.value(u"masa-url"_s).toString(); !masa.isEmpty())
            m_profile.masaUrl = masa;
        if (const QString url = m_p.value(u"mud-url"_s).toString(); !url.isEmpty() && !url.contains(u"${"_s))
            checkMudUrlFollows(context.journal(), {context.mode(), m_profile.name, {}}, url);
        m_vendorAnchors = anchors(context, u"vendor-anchors"_s);
        m_elementAnchors = anchors(context, u"element-anchors"_s);
        const bool made = m_source == KeySource::Derived || m_source == KeySource::Injected;
        if (made && m_profile.keyType != u"P-256")
            throw Fault("idevid.key-type", {m_profile.name, m_profile.keyType});
        if (m_source == KeySource::Derived && !context.seeds())
            throw Fault("identity.no-seed", {context.serial()});
        if (m_source == KeySource::Preloaded)
            return;
        if (const QString lot = lotOf(context); !lot.isEmpty()) {
            if (!lot.contains(u"${"_s)) // else its name is known in a run only
                LotPair::check(context, lot, m_profile.name, m_source == KeySource::Injected);
            return;
        }
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
        if (!keys && m_source == KeySource::Injected) {
            inPartition(context, task);
            return;
        }
        if (!keys)
            throw Fault("device.lacks", {u"make a key of its own"_s});
        if (m_source == KeySource::Preloaded) {
            adopt(context, *keys, task);
            return;
        }
        const std::vector<CertificateRow> recorded =
            validCertificates(context.journal(), context.mode(), context.serial());
        const QList<QByteArray> held = keys->readChain(task);
        refuseUnsettled(context, recorded);
        std::unique_ptr<LotPair> pair;
        QByteArray certificate;
        if (!held.isEmpty())
            certificate = heldCertificate(context, recorded, held.first(), task);
        else if (m_p.contains(u"lot"_s))
            pair = std::make_unique<LotPair>(context, lotOf(context), m_source == KeySource::Injected);
        else
            certificate = recordedCertificate(context, *keys, recorded, task);
        if (pair)
            certificate = pair->certificate();
        const bool fresh = certificate.isEmpty();
        if (fresh)
            certificate = issue(context, *keys, task);
        else
            judge(context, certificate, {});
        if (pair)
            bringPair(context, *keys, *pair, task);
        // Compared as a whole: where an earlier writing was cut, the first certificate may have arrived and the rest
        // not.
        const QList<QByteArray> chain = QList<QByteArray>{certificate} + context.issuer().chainFor(certificate);
        if (held != chain)
            write(context, *keys, chain, task);
        tellClock(context, certificate, task);
        provePossession(*keys, certificate, task);
        context.fact(u"possession"_s, u"signature over a fresh challenge"_s);
        if (pair)
            pair->used(u"The device has it and signed a challenge with its key."_s);
        tell(context, certificate, fresh || pair, u"possession proved"_s);
    }

private:
    QString lotOf(const StepContext &context) const { return context.expand(m_p.value(u"lot"_s).toString()); }

    // Brings the pair that was drawn from its lot into the device, unless the device has it already; of a lot without
    // keys the device must have its own.
    void bringPair(StepContext &context, Keys &keys, LotPair &pair, const Task &task) const
    {
        bool holds = false;
        try {
            provePossession(keys, pair.certificate(), task);
            holds = true;
        } catch (const Fault &fault) { // no key, or another one
            if (fault.blame() != Blame::Unit || fault.retryable())
                throw;
        }
        if (m_source != KeySource::Injected && !holds)
            throw Fault("identity.lot-other-key", {lotOf(context), context.serial()});
        if (holds) {
            pair.draw(true, task);
            return;
        }
        const PrivateKey key = pair.unseal(); // before the pair is drawn: it may fail
        const SecretSweep sweep(key.number());
        if (!SecretBytes::locked())
            task.say(unlockedMemory);
        pair.draw(false, task);
        task.say(u"the pair's key is brought into the device"_s);
        keys.load(key.pkcs8(), task);
        provePossession(keys, pair.certificate(), task);
        pair.used(u"The device signed a challenge with the pair's key."_s);
    }

    QList<QByteArray> anchors(const StepContext &context, const QString &parameter) const
    {
        constexpr qint64 limit = 1024 * 1024;
        const QString file = m_p.value(parameter).toString();
        return file.isEmpty() ? QList<QByteArray>()
                              : certificatesFromPem(readReleased(context.recipe(), file, limit, u"trust anchors"_s));
    }
    QString mudUrl(const StepContext &context) const { return context.expand(m_p.value(u"mud-url"_s).toString()); }

    // The chip is in its loader: key and certificate are written into its memory.
    void inPartition(StepContext &context, Task &task) const
    {
        PartitionOrder order;
        order.parameters = m_p;
        order.profile = m_profile;
        order.mudUrl = mudUrl(context);
        order.start = m_p.value(u"start"_s).toBool();
        order.lot = lotOf(context);
        order.judge = [&](const QByteArray &certificate, const std::optional<QByteArray> &publicKey) {
            judge(context, certificate, publicKey);
        };
        const PartitionResult result = givePartitionIdentity(context, order, task);
        tell(context, result.certificate, result.fresh, u"compared by the chip's digest"_s);
    }

    // The device came with an identity of its vendor: judged, proved, put on record. Nothing is issued or written.
    void adopt(StepContext &context, Keys &keys, const Task &task) const
    {
        const QList<QByteArray> held = keys.readChain(task);
        if (held.isEmpty())
            throw Fault("idevid.no-vendor-identity");
        CertificateFacts facts;
        try {
            facts = certificateFacts(held.first());
        } catch (const Fault &) {
            throw Fault("idevid.vendor", {u"it cannot be read"_s});
        }
        if (const QString why = whyNotTrusted(held, m_vendorAnchors); !why.isEmpty())
            throw Fault("idevid.vendor", {why});
        provePossession(keys, held.first(), task);
        const auto recorded = validCertificates(context.journal(), context.mode(), context.serial());
        const bool known = std::any_of(recorded.begin(), recorded.end(),
                                       [&](const CertificateRow &row) { return row.sha256 == facts.sha256; });
        if (!known) {
            IssueOrder order;
            order.request.publicKeyDer = facts.publicKeyDer;
            order.request.publicKeySha256 = facts.publicKeySha256;
            order.profile.name = m_profile.name;
            order.profile.masaUrl = facts.masaUrl;
            order.serial = context.serial();
            order.mudUrl = facts.mudUrl;
            order.certificateSerial = QByteArray::fromHex(QString(facts.certificateSerial).remove(u':').toLatin1());
            const IssuedCertificate certificate{held.first(), hex(order.certificateSerial), facts.sha256, facts.issuer,
                                                facts.notAfter};
            acceptRecorded(context.journal(), order, certificate, issueRecordOf(context, m_source));
        }
        context.fact(u"vendor-serial"_s, oneLine(facts.subjectSerial, 80));
        context.fact(u"possession"_s, u"signature over a fresh challenge"_s);
        tell(context, held.first(), !known, u"of its vendor, possession proved"_s);
    }

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
        refuseHeld(context, held, task);
    }

    // A certificate was issued for this serial number before, but the device does not hold it: an interrupted run. It
    // is used where it belongs to the key that the device has; another one is issued only where the key was made here,
    // is gone, and the certificate was never seen in a device. Empty: issue one.
    QByteArray recordedCertificate(StepContext &context, Keys &keys, const std::vector<CertificateRow> &recorded,
                                   const Task &task) const
    {
        if (recorded.empty())
            return {};
        QByteArray keyHash;
        try {
            if (m_source == KeySource::Derived) // gives the same key again
                keys.derive(context.serial(), task);
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
        const bool lost = m_source == KeySource::Injected &&
                          std::none_of(recorded.begin(), recorded.end(), [&context](const CertificateRow &row) {
                              return wasDelivered(context.journal(), row);
                          });
        if (!lost)
            throw Fault("identity.duplicate-serial",
                        {context.serial(), recorded.front().certificateSerial, recorded.front().at});
        for (const CertificateRow &row : recorded)
            withdrawUndelivered(context, row, task);
        return {};
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

    // A request for this unit whose end is not known: the key that it was made for must stay in the device, or the
    // certificate would be for nobody. Nothing: none is open, or the key can be derived again.
    std::optional<CertificateRequest> requestForOpenKey(StepContext &context, Keys &keys, const Task &task) const
    {
        const auto open = context.issuer().isRemote()
                              ? openRequestOf(context.journal(), context.mode(), context.serial())
                              : std::nullopt;
        if (!open || m_source == KeySource::Derived)
            return {};
        CertificateRequest request;
        try {
            request = CertificateRequest::parse(keys.request(context.serial(), task));
        } catch (const Fault &fault) { // no key, for one
            if (fault.blame() != Blame::Unit || fault.retryable())
                throw;
            task.say(fault.text());
        }
        if (request.publicKeySha256 != open->publicKeySha256)
            throw Fault("identity.open-request", {context.serial(), open->issuer, open->at});
        provePossession(keys, request.publicKeyDer, task);
        return request;
    }

    QByteArray issue(StepContext &context, Keys &keys, Task &task) const
    {
        IssueOrder order;
        const auto open = requestForOpenKey(context, keys, task);
        order.request = open ? *open : obtainKey(context, keys, {m_source, m_elementAnchors}, task);
        order.profile = m_profile;
        order.serial = context.serial();
        order.mudUrl = mudUrl(context);
        order.certificateSerial = newCertificateSerial();
        const QByteArray certificate = issueInStep(context, order, issueRecordOf(context, m_source), task);
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
        const auto findings =
            checkCertificate(certificate, m_profile, context.issuer().chainFor(certificate), expected);
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

    void tell(StepContext &context, const QByteArray &certificate, bool fresh, const QString &proof) const
    {
        const CertificateFacts facts = certificateFacts(certificate);
        context.fact(u"certificate"_s, facts.certificateSerial);
        context.fact(u"issuer"_s, facts.issuer);
        context.fact(u"not-after"_s, facts.notAfter);
        if (!facts.mudUrl.isEmpty())
            context.fact(u"mud-url"_s, facts.mudUrl);
        const IssueRecord record = issueRecordOf(context, m_source, !context.device().keys());
        context.fact(u"key-loading"_s, record.method + u", "_s + record.transfer);
        context.summary(
            u"%1 %2, %3"_s.arg(fresh ? u"certificate"_s : u"keeps certificate"_s, facts.certificateSerial, proof));
    }

    // Whether the certificate is valid to the device itself. One without a clock, or with a wrong one, is no failure:
    // it is what its firmware has to live with, so it is said and goes on record.
    static void tellClock(StepContext &context, const QByteArray &certificate, const Task &task)
    {
        DeviceClock clock;
        if (Clock *own = context.device().clock()) {
            try {
                clock.time = own->time(task);
                clock.asked = true;
            } catch (const Fault &fault) {
                if (fault.blame() != Blame::Unit)
                    throw;
                task.say(fault.text()); // it has the call but no answer
                return;
            }
        }
        const ClockState state = judgeClock(certificateFacts(certificate), clock, QDateTime::currentDateTimeUtc());
        context.fact(u"clock"_s, state.state);
        if (!state.good()) {
            context.fact(u"clock-finding"_s, state.sentence);
            task.say(state.sentence + u' ' + state.remedy);
        }
    }

    QVariantMap m_p;
    KeySource m_source;
    Profile m_profile;
    QList<QByteArray> m_vendorAnchors, m_elementAnchors;
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
    kind.summary = u"Gives the device its key and IDevID certificate and proves that it holds both."_s;
    kind.manual =
        u"Where the key comes from is said by `key`; the record has the names of "
        "draft-irtf-t2trg-taxonomy-manufacturer-anchors for it.\n\n"
        "- `on-device` (avocado): the device makes its own P-256 key, which never leaves it, and asks for a "
        "certificate; the request's signature and serial number are checked.\n"
        "- `secure-element` (salak): the same in the device's secure element or TPM. Its name and the key's handle are "
        "recorded, and what it says of the key; with `element-anchors` that must be a certificate of a trusted "
        "vendor.\n"
        "- `preloaded` (sapodilla): the device came with a key and certificate of its vendor. The certificate must "
        "lead "
        "to `vendor-anchors`; it is put on record for this unit, and nothing is issued. The profile gives only its "
        "name "
        "then.\n"
        "- `derived` (carrot): the device derives its key from a secret seed, and so does the station, which gets the "
        "seeds through a file descriptor (`slipway run --seed-fd`). HKDF-SHA-256 (RFC 5869) of the seed with the salt "
        "`slipway idevid p256 v1` and the info `IDevID`, a zero byte, the serial number gives 40 bytes c; the key is "
        "(c mod (n - 1)) + 1 (FIPS 186-5, A.2.1).\n"
        "- `injected` (bamboo): the station makes the key in locked memory, which is never in a file, the journal, a "
        "log or swap, and cleansed afterwards. A device that can hold a key takes it and signs a challenge with it "
        "before anything is issued. A chip of the ESP32 family in its loader gets key and certificate together in its "
        "partition `esp_secure_cert`, in one go with its firmware; it cannot sign there, so its digest of the memory "
        "is "
        "compared, and the record says that the device itself has not signed.\n\n"
        "In all ways but the last the device signs a fresh challenge before a certificate is spent on its key. "
        "The station's issuer issues an IEEE 802.1AR certificate "
        "after the profile. Certificate and chain are "
        "written, read back and compared, and another fresh challenge that the device signs proves that it has the "
        "private key.\n\n"
        "No serial number and no public key gets a second certificate, across the whole journal. A unit whose run was "
        "interrupted keeps the certificate that is on record for it, where it still has the key; so does a unit that "
        "is run again. A certificate that is kept must be what recipe and profile ask for now, or the run ends as "
        "ERROR; a chain on the device that is not whole is written again. An injected key that was lost on its way "
        "is replaced by a new one: the certificate for it, where there is one already, is revoked as superseded, as no "
        "device was seen to hold it. A device that holds any other identity is "
        "refused, with the name of the unit whose it is, where this station gave it.\n\n"
        "With `lot` nothing is issued: the unit gets what was issued ahead for its serial number (`slipway identity "
        "batch issue`), of a lot of the same profile. With `injected` that is a pair that the station made: its key "
        "is unsealed into locked memory, the pair is drawn on record, and only then the key sets out. Once it may have "
        "reached a device, only that same device gets it again, told by its hardware number or by the serial number "
        "that it says of itself; a board that is changed under one serial number needs another certificate. A pair "
        "is used when the device signed with its key, or its digest of the written partition was right. With "
        "`on-device` it is the certificate for the request that the device made: it counts as given back where it did "
        "not arrive. A lot that is closed, used up or past its last day, or whose keys do not open with the station's "
        "passphrase, is refused before the device is touched. Units without a serial number take one with a variable "
        "`{ from: lot, lot: NAME }`.\n\n"
        "Where the device has a clock it is asked: the fact `clock` says `fits`, `no-clock`, `wrong-clock`, "
        "`not-yet-valid` or `expired`, and `clock-finding` what is so. That does not fail the unit."_s;
    kind.example = u"- idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }"_s;
    kind.parameters =
        QList<StepParameter>{
            {.name = u"profile"_s, .required = true, .doc = u"Certificate profile of the station's home."_s},
            {.name = u"key"_s,
             .type = Type::Choice,
             .fallback = u"on-device"_s,
             .choices = keySources(),
             .doc = u"Where the key comes from."_s},
            {.name = u"lot"_s,
             .doc = u"`injected`, `on-device`: take what was issued ahead for the unit out of this lot; the name may "
                    "contain variables."_s},
            {.name = u"mud-url"_s,
             .type = Type::Url,
             .doc = u"MUD URL (RFC 8520) for the certificate; the profile says whether one is needed."_s},
            {.name = u"masa-url"_s,
             .doc = u"MASA authority or URL (RFC 8995) for the certificate, instead of the profile's."_s},
            {.name = u"vendor-anchors"_s,
             .type = Type::File,
             .doc = u"`preloaded`: certificates (PEM) that the vendor's must lead to."_s},
            {.name = u"element-anchors"_s,
             .type = Type::File,
             .doc = u"`secure-element`: certificates (PEM) that what the element says of itself must lead to."_s}} +
        partitionParameters(QString::fromLatin1(EspSecureCert::PartitionName), EspSecureCert::UsualSize) +
        QList<StepParameter>{{.name = u"start"_s,
                              .type = Type::Boolean,
                              .fallback = false,
                              .doc = u"Memory at addresses: leave the loader afterwards and run."_s}};
    kind.weight = 1.5;
    kind.timeoutMs = 30'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &p) {
        switch (keySource(p.value(u"key"_s).toString())) {
        case KeySource::SecureElement:
            return QSet{Capability::Keys, Capability::KeyElement};
        case KeySource::Derived:
            return QSet{Capability::Keys, Capability::KeyDerivation};
        case KeySource::Injected:
            return QSet{Capability::Keys, Capability::KeyInjection};
        default:
            return QSet{Capability::Keys};
        }
    };
    kind.needsInstead = [](const QVariantMap &p) {
        return keySource(p.value(u"key"_s).toString()) == KeySource::Injected ? QSet{Capability::Memory}
                                                                              : QSet<Capability>();
    };
    kind.check = [](const QVariantMap &p, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        const QString url = p.value(u"mud-url"_s).toString();
        if (!url.isEmpty() && !url.contains(u"${"_s)) {
            if (const QString why = MudUrl::whyNot(url); !why.isEmpty())
                troubles.append({u"mud-url"_s, u"this is no MUD URL: "_s + why});
        }
        const KeySource source = keySource(p.value(u"key"_s).toString());
        if ((source == KeySource::Preloaded) != p.contains(u"vendor-anchors"_s))
            troubles.append(source == KeySource::Preloaded
                                ? std::pair(u"key"_s, u"\"preloaded\" needs \"vendor-anchors\""_s)
                                : std::pair(u"vendor-anchors"_s, u"\"vendor-anchors\" goes with key: preloaded"_s));
        if (source == KeySource::Preloaded && (p.contains(u"mud-url"_s) || p.contains(u"masa-url"_s)))
            troubles.append(
                {u"key"_s, u"with \"preloaded\" nothing is issued, so a MUD or MASA URL cannot be put in"_s});
        if (p.contains(u"lot"_s) && source != KeySource::Injected && source != KeySource::OnDevice)
            troubles.append({u"lot"_s, u"\"lot\" goes with key: injected or on-device"_s});
        if (p.contains(u"lot"_s) && p.contains(u"masa-url"_s))
            troubles.append({u"masa-url"_s, u"with \"lot\" nothing is issued, so a MASA URL cannot be put in"_s});
        if (source != KeySource::SecureElement && p.contains(u"element-anchors"_s))
            troubles.append({u"element-anchors"_s, u"\"element-anchors\" goes with key: secure-element"_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<IdevidStep>(step); };
    kind.acts = {u"identity.inject"_s, u"identity.issue"_s, u"identity.write"_s, u"identity.bind"_s};
    kind.reconcile = [](const QString &act, const QCborMap &detail, const Evidence &evidence) {
        return act == u"identity.inject"  ? reconcileInjection(detail, evidence)
               : act == u"identity.issue" ? reconcileIssue(detail, evidence)
               : act == u"identity.bind"  ? reconcileBinding(detail, evidence)
                                          : reconcileWrite(detail, evidence);
    };
    return kind;
}

} // namespace slipway
