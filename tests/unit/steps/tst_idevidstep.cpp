// The step idevid against a real journal, a real issuer and a device with a real key.

#include "core/identity/check.h"
#include "core/identity/signingkey.h"
#include "core/steps/identityissue.h"
#include "tests/support/fakecontext.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const Fault silent("base.timeout", {QStringLiteral("The device")});

RecipeStep idevid()
{
    return stepFrom(u"idevid: { profile: t1, key: on-device, mud-url: \"https://mud.example/t1/1.4.json\" }"_s);
}

size_t certificates(FakeContext &context, const QString &serial)
{
    size_t count = 0;
    context.journal().transact([&](Journal::Transaction &transaction) {
        count = transaction.certificatesOfSerial(context.asMode, serial).size();
    });
    return count;
}

} // namespace

class TestIdevidStep : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void issues()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        QCOMPARE(device.chain.size(), 2);
        QCOMPARE(device.chain.mid(1), context.issuer().chain());
        const CertificateFacts facts = certificateFacts(device.chain.first());
        QCOMPARE(facts.subjectSerial, u"T1-00000007"_s);
        QCOMPARE(facts.mudUrl, u"https://mud.example/t1/1.4.json"_s);
        QCOMPARE(facts.masaUrl, u"masa.example"_s);
        QCOMPARE(context.facts.value(u"mud-url"_s), facts.mudUrl);
        QCOMPARE(context.facts.value(u"certificate"_s), facts.certificateSerial);
        QVERIFY(!context.facts.value(u"clock"_s).isEmpty());
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
        // Written with intent and outcome around it; proved at last.
        QCOMPARE(context.intents.size(), 1);
        QCOMPARE(context.intents[0].first, u"identity.write"_s);
        QCOMPARE(context.outcomes[0].state, u"done"_s);
        QCOMPARE(device.order.last(), u"keys.sign"_s);
        QVERIFY(context.lastSummary.endsWith(u"possession proved"_s));
    }

    void masaUrlOfTheRecipe()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(stepFrom(u"idevid: { profile: t1, mud-url: \"https://mud.example/t1/1.4.json\", "
                                         "masa-url: other.example }"_s)),
                 QString());
        QCOMPARE(certificateFacts(device.chain.first()).masaUrl, u"other.example"_s);
    }

    void againIsNotTwice()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        const QList<QByteArray> chain = device.chain;
        device.locks[u"debug"_s] = true;
        device.said.locked = true;
        QCOMPARE(context.codeOf(idevid()), QString());
        QCOMPARE(device.chain, chain);
        QCOMPARE(device.calls(u"keys.generate"_s), 1);
        QCOMPARE(device.calls(u"keys.sign"_s), 3); // before the issue, after it, and now again
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
        QVERIFY(context.lastSummary.startsWith(u"keeps certificate"_s));
        // A copy of the certificate in a device without the key does not pass.
        device.signsWithOtherKey = true;
        QCOMPARE(context.codeOf(idevid()), u"idevid.possession"_s);
    }

    void refusesASecondIdentity()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        // The same device as another unit: the journal knows whose identity it has, locked or not.
        context.unit = u"T1-00000008"_s;
        context.variables.set(u"serial"_s, context.unit);
        const auto sentence = [&context] {
            try {
                context.perform(idevid());
            } catch (const Fault &fault) {
                return QString::fromLatin1(fault.code()) + u' ' + fault.sentence();
            }
            return QString();
        };
        QVERIFY2(sentence().startsWith(u"idevid.other-unit ") && sentence().contains(u"T1-00000007"),
                 qPrintable(sentence()));
        device.locks[u"debug"_s] = true;
        device.said.locked = true;
        QVERIFY(sentence().startsWith(u"idevid.other-unit "));
        // Its own identity, but of training.
        context.unit = u"T1-00000007"_s;
        context.variables.set(u"serial"_s, context.unit);
        context.asMode = Mode::Training;
        QVERIFY2(sentence().contains(u"production"), qPrintable(sentence()));
        context.asMode = Mode::Production;
        // One that nobody here ever issued.
        FakeContext elsewhere(device);
        QCOMPARE(elsewhere.codeOf(idevid()), u"device.locked"_s);
        device.said.locked = false;
        QCOMPARE(elsewhere.codeOf(idevid()), u"idevid.present"_s);
        QCOMPARE(device.calls(u"keys.generate"_s), 1);
        QCOMPARE(certificates(context, u"T1-00000008"_s), size_t(0));
    }

    // The certificate on record came from another recipe: keeping it is no PASS, and not the unit's failure.
    void aKeptCertificateMustBeWhatTheRecipeAsks()
    {
        const RecipeStep other = stepFrom(u"idevid: { profile: t1, mud-url: \"https://mud.example/t1/9.9.json\" }"_s);
        const RecipeStep otherMasa = stepFrom(u"idevid: { profile: t1, mud-url: \"https://mud.example/t1/1.4.json\", "
                                              "masa-url: other.example }"_s);
        QCOMPARE(Fault("identity.does-not-hold").blame(), Blame::Station);
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(other), QString());
        QCOMPARE(context.codeOf(idevid()), u"identity.does-not-hold"_s); // held by the device
        QCOMPARE(context.codeOf(otherMasa), u"identity.does-not-hold"_s);
        const QList<QByteArray> chain = std::exchange(device.chain, {});
        const int written = device.calls(u"keys.write"_s);
        QCOMPARE(context.codeOf(idevid()), u"identity.does-not-hold"_s); // on record, not on the device
        QCOMPARE(device.calls(u"keys.write"_s), written);
        QCOMPARE(context.codeOf(other), QString());
        QCOMPARE(device.chain, chain);
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
    }

    // The power went while the chain was being written: the first certificate is whole, the rest is not.
    void completesATruncatedChain()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        const QList<QByteArray> chain = device.chain;
        for (const QList<QByteArray> &left :
             {chain.first(1), QList<QByteArray>{chain.first(), chain.last().chopped(7)},
              QList<QByteArray>{chain.first(), chain.first()}, chain + QList<QByteArray>{chain.first()}}) {
            device.chain = left;
            const qsizetype intents = context.intents.size();
            QCOMPARE(context.codeOf(idevid()), QString());
            QCOMPARE(device.chain, chain);
            QCOMPARE(context.intents.size(), intents + 1);
            QCOMPARE(context.outcomes.last().state, u"done"_s);
        }
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
        // A device that takes no more is no PASS.
        device.chain = chain.first(1);
        device.failAlways(u"keys.write"_s, Fault("device.locked"));
        QCOMPARE(context.codeOf(idevid()), u"device.locked"_s);
    }

    void refusesADuplicateSerial()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        // Another device with the same serial number: with a key of its own, and with none.
        device.chain.clear();
        device.makeKey();
        QCOMPARE(context.codeOf(idevid()), u"identity.duplicate-serial"_s);
        QVERIFY(device.chain.isEmpty());
        QCOMPARE(device.calls(u"keys.generate"_s), 1);
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
    }

    void refusesADuplicateKey()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        device.chain.clear();
        device.keepsKey = true; // no random numbers
        context.unit = u"T1-00000009"_s;
        context.variables.set(u"serial"_s, context.unit);
        QCOMPARE(context.codeOf(idevid()), u"identity.duplicate-key"_s);
        QVERIFY(device.chain.isEmpty());
    }

    void modesAreApart()
    {
        FakeDevice device;
        FakeContext context(device);
        context.asMode = Mode::Training;
        QCOMPARE(context.codeOf(idevid()), QString());
        context.asMode = Mode::Production;
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(0));
    }

    void refusesWrongRequests()
    {
        FakeDevice device;
        device.requestsFor = u"T1-00000099"_s;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), u"identity.csr-serial"_s);
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(0));
        QCOMPARE(context.codeOf(stepFrom(u"idevid: { profile: t2, mud-url: \"https://mud.example/t1/1.4.json\" }"_s)),
                 u"identity.no-profile"_s);
        device.requestsFor.clear();
        QCOMPARE(context.codeOf(stepFrom(u"idevid: { profile: t1, mud-url: \"https://other.example/x.json\" }"_s)),
                 u"identity.mud-url"_s);
        QCOMPARE(context.codeOf(stepFrom(u"idevid: { profile: t1 }"_s)), u"identity.mud-url-missing"_s);
        context.unit = u"odd"_s;
        QCOMPARE(context.codeOf(idevid()), u"identity.serial"_s);
        device.lacks << Capability::Keys;
        QCOMPARE(context.codeOf(idevid()), u"device.lacks"_s);
    }

    void noticesALostChain()
    {
        FakeDevice device;
        device.losesChain = true;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), u"idevid.chain"_s);
        QCOMPARE(context.outcomes[0].state, u"not-done"_s);
    }

    void noticesAForeignKey()
    {
        FakeDevice device;
        device.signsWithOtherKey = true;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), u"idevid.possession"_s);
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(0)); // none is spent on it
    }

    // Wherever the device falls silent, another run ends well, with one certificate only.
    void goesOnAfterAnyInterruption()
    {
        FakeDevice whole;
        FakeContext first(whole);
        QCOMPARE(first.codeOf(idevid()), QString());
        for (const QString &call :
             {u"keys.read"_s, u"keys.generate"_s, u"keys.request"_s, u"keys.write"_s, u"keys.sign"_s}) {
            for (int nth = 1; nth <= whole.calls(call); ++nth) {
                for (const auto when : {FakeDevice::When::Before, FakeDevice::When::After}) {
                    FakeDevice device;
                    device.failCall(call, nth, silent, when);
                    FakeContext context(device);
                    const QString code = context.codeOf(idevid());
                    QVERIFY(code == u"base.timeout" || (when == FakeDevice::When::After && code.isEmpty()));
                    QCOMPARE(context.intents.size(), context.outcomes.size());
                    device.mend();
                    QCOMPARE(context.codeOf(idevid()), QString());
                    QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(1));
                    QCOMPARE(certificateFacts(device.chain.first()).subjectSerial, u"T1-00000007"_s);
                }
            }
        }
    }

    void afterARevocation()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        revokeRecorded(context.journal(), Mode::Production, u"T1-00000007"_s, u"keyCompromise"_s);
        // The device still holds what was revoked.
        QCOMPARE(context.codeOf(idevid()), u"idevid.revoked"_s);
        device.chain.clear();
        QCOMPARE(context.codeOf(idevid()), QString());
        QCOMPARE(certificates(context, u"T1-00000007"_s), size_t(2));
    }

    void reconcilesTheIssue()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        const StepKind *kind = stepKindOfAct(u"identity.issue"_s);
        QVERIFY(kind);
        Evidence evidence;
        evidence.run = context.run;
        evidence.serial = context.unit;
        const QCborMap issued{
            {u"certificate-serial"_s, certificateFacts(device.chain.first()).certificateSerial.remove(u':')}};
        QCOMPARE(kind->reconcile(u"identity.issue"_s, issued, evidence).state, u"unknown"_s);
        evidence.journal = &context.journal();
        QCOMPARE(kind->reconcile(u"identity.issue"_s, issued, evidence).state, u"done"_s);
        const QCborMap other{{u"certificate-serial"_s, u"0123"_s}};
        QCOMPARE(kind->reconcile(u"identity.issue"_s, other, evidence).state, u"not-done"_s);
    }

    void reconcilesTheWriting()
    {
        FakeDevice device;
        FakeContext context(device);
        QCOMPARE(context.codeOf(idevid()), QString());
        const QCborMap detail = context.intents[0].second;
        const StepKind *kind = stepKindOfAct(u"identity.write"_s);
        Evidence evidence;
        evidence.serial = context.unit;
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"unknown"_s);
        evidence.device = &device;
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"done"_s);
        const QList<QByteArray> chain = device.chain;
        device.chain = chain.first(1); // only the first certificate arrived whole
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"not-done"_s);
        device.chain = chain;
        device.chain.last().chop(1);
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"not-done"_s);
        device.chain.clear();
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"not-done"_s);
        device.failAlways(u"keys.read"_s, silent);
        QCOMPARE(kind->reconcile(u"identity.write"_s, detail, evidence).state, u"unknown"_s);
    }
};

SLIPWAY_TEST_MAIN(TestIdevidStep)
#include "tst_idevidstep.moc"
