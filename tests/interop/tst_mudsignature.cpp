// Signatures of MUD files, both ways with the openssl program: what it signs is verified here, and the other way round,
// and every way in which a signature does not hold has its own words.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/codec/pem.h"
#include "core/identity/check.h"
#include "core/identity/mudsignature.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

#include <QDateTime>

#include <functional>

using namespace slipway;
using namespace Qt::StringLiterals;

namespace {

const QString signs = u"keyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n"_s;

QString failureOf(const std::function<void()> &work)
{
    try {
        work();
    } catch (const Fault &fault) {
        return QString::fromLatin1(fault.code()) + u": "_s + fault.sentence();
    }
    return {};
}

} // namespace

class TestMudSignature : public QObject
{
    Q_OBJECT

    test::OpensslPki m_pki;
    QByteArray m_file;

    QByteArray content(const QString &name) const { return m_pki.content(name); }

    // What openssl signs with that signer, by these words besides.
    QByteArray theirs(const QByteArray &file, const QString &signer, const QStringList &more)
    {
        m_pki.write(u"signed.json"_s, file, false);
        const QStringList line = QStringList{u"cms"_s,     u"-sign"_s,
                                             u"-in"_s,     m_pki.path(u"signed.json"_s),
                                             u"-signer"_s, m_pki.path(signer + u".pem"_s),
                                             u"-inkey"_s,  m_pki.path(signer + u".key"_s),
                                             u"-out"_s,    m_pki.path(u"theirs.p7s"_s)} +
                                 more;
        if (!m_pki.run(line))
            qWarning("%s", m_pki.output.constData());
        return content(u"theirs.p7s"_s);
    }
    QString verified(const QByteArray &file, const QByteArray &signature, const QString &anchors = u"root"_s,
                     const QString &device = {})
    {
        return failureOf([&] {
            MudSignatureRules rules{content(anchors + u".pem"_s), {}, {}};
            if (!device.isEmpty())
                rules.deviceCertificate = certificateFromFile(content(device + u".pem"_s));
            (void)verifyMudSignature(file, signature, rules);
        });
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_file = "{\n  \"ietf-mud:mud\": { }\n}\n";
        const QString authority = u"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                                  "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"_s;
        QVERIFY(m_pki.authority(u"root"_s));
        QVERIFY(m_pki.authority(u"stranger"_s));
        QVERIFY(m_pki.certificate(u"middle"_s, u"root"_s, u"/CN=Middle"_s, authority));
        QVERIFY(m_pki.certificate(u"signer"_s, u"middle"_s, u"/O=Example/CN=MUD Signer"_s, signs));
        QVERIFY(m_pki.certificate(u"renewed"_s, u"middle"_s, u"/O=Example/CN=MUD Signer"_s, signs));
        QVERIFY(m_pki.certificate(u"other"_s, u"middle"_s, u"/O=Example/CN=Other"_s, signs));
        QVERIFY(
            m_pki.certificate(u"encrypts"_s, u"root"_s, u"/CN=Encrypts"_s, u"keyUsage=critical,keyEncipherment\n"_s));
        QVERIFY(m_pki.certificate(u"silent"_s, u"root"_s, u"/CN=Silent"_s, u"basicConstraints=CA:FALSE\n"_s));
        QVERIFY(m_pki.certificate(u"web"_s, u"root"_s, u"/CN=Web"_s, signs + u"extendedKeyUsage=serverAuth\n"_s));
        // A device whose certificate names the signer (RFC 8520 section 11): Name as UTF8String values.
        const QString mudSigner = u"1.3.6.1.5.5.7.1.30=ASN1:SEQUENCE:dn\n[dn]\no=SET:org\nc=SET:cn\n[org]\ns=SEQUENCE:o"
                                  "\n[o]\nt=OID:O\nv=UTF8:Example\n[cn]\ns=SEQUENCE:c\n[c]\nt=OID:CN\nv=UTF8:%1\n"_s;
        QVERIFY(m_pki.certificate(u"device"_s, u"root"_s, u"/serialNumber=T1-1"_s, mudSigner.arg(u"MUD Signer"_s)));
        QVERIFY(m_pki.certificate(u"lower"_s, u"root"_s, u"/serialNumber=T1-2"_s, mudSigner.arg(u"mud  signer"_s)));
        QVERIFY(m_pki.certificate(u"odd"_s, u"root"_s, u"/serialNumber=T1-3"_s, mudSigner.arg(u"Nobody"_s)));
        QVERIFY(m_pki.certificate(u"plain"_s, u"root"_s, u"/serialNumber=T1-4"_s, u"basicConstraints=CA:FALSE\n"_s));
        QVERIFY(
            m_pki.certificate(u"broken"_s, u"root"_s, u"/serialNumber=T1-5"_s, u"1.3.6.1.5.5.7.1.30=ASN1:UTF8:x\n"_s));
    }

    // Keys of other kinds, both ways.
    void kinds_data()
    {
        QTest::addColumn<QStringList>("key");
        QTest::newRow("P-384") << QStringList{u"ec"_s, u"-pkeyopt"_s, u"ec_paramgen_curve:P-384"_s};
        QTest::newRow("RSA-2048") << QStringList{u"rsa:2048"_s};
        QTest::newRow("RSA-3072") << QStringList{u"rsa:3072"_s};
    }
    void kinds()
    {
        QFETCH(QStringList, key);
        QVERIFY2(m_pki.certificate(u"kind"_s, u"root"_s, u"/CN=Kind"_s, signs, {u"-days"_s, u"30"_s}, key),
                 m_pki.output.constData());
        const auto opened = SigningKey::open(m_pki.path(u"kind.key"_s), m_pki.path(u"kind.pem"_s));
        m_pki.write(u"ours.p7s"_s, signMudFile(*opened, m_file), false);
        m_pki.write(u"ours.json"_s, m_file, false);
        QVERIFY2(m_pki.run({u"cms"_s, u"-verify"_s, u"-binary"_s, u"-inform"_s, u"DER"_s, u"-in"_s,
                            m_pki.path(u"ours.p7s"_s), u"-content"_s, m_pki.path(u"ours.json"_s), u"-CAfile"_s,
                            m_pki.path(u"root.pem"_s), u"-out"_s, m_pki.path(u"out"_s)}),
                 m_pki.output.constData());
        QCOMPARE(verified(m_file, content(u"ours.p7s"_s)), QString());
        QCOMPARE(verified(m_file, theirs(m_file, u"kind"_s, {u"-binary"_s, u"-outform"_s, u"DER"_s})), QString());
    }

    // What can be forged proves nothing, whoever vouches for it.
    void weak()
    {
        const QStringList der{u"-binary"_s, u"-outform"_s, u"DER"_s};
        const QStringList middle{u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QString digest =
            verified(m_file, theirs(m_file, u"signer"_s, der + middle + QStringList{u"-md"_s, u"sha1"_s}));
        QVERIFY2(digest.startsWith(u"cms.weak") && digest.contains(u"SHA1"), qPrintable(digest));
        QVERIFY2(
            m_pki.certificate(u"short"_s, u"root"_s, u"/CN=Short"_s, signs, {u"-days"_s, u"30"_s}, {u"rsa:1024"_s}),
            m_pki.output.constData());
        const QString size = verified(m_file, theirs(m_file, u"short"_s, der));
        QVERIFY2(size.startsWith(u"cms.untrusted") && size.contains(u"weak"), qPrintable(size));
    }

    // One name does not look like another, nor does it tell a terminal what to do.
    void signersNames()
    {
        QVERIFY2(m_pki.certificate(u"tricky"_s, u"root"_s, u"/O=Example, CN = MUD Signer\x1b[31m\\\\"_s, signs),
                 m_pki.output.constData());
        const QByteArray signature = theirs(m_file, u"tricky"_s, {u"-binary"_s, u"-outform"_s, u"DER"_s});
        const MudSignature found = verifyMudSignature(m_file, signature, {content(u"root.pem"_s), {}, {}});
        QCOMPARE(found.signers.front().subject, u"O = Example\\, CN = MUD Signer\ufffd[31m\\\\"_s);
    }

    void oursByTheirs_data()
    {
        QTest::addColumn<QByteArray>("file");
        QTest::newRow("LF") << QByteArray("{\n}\n");
        QTest::newRow("CR LF") << QByteArray("{\r\n}\r\n");
        QTest::newRow("no line end") << QByteArray("{ }");
        QTest::newRow("bytes") << QByteArray("\0\r\n\n\r\xff", 6);
        QTest::newRow("a megabyte") << QByteArray("{ }\n").repeated(262'144);
    }
    void oursByTheirs()
    {
        QFETCH(QByteArray, file);
        const auto key = SigningKey::open(m_pki.path(u"signer.key"_s), m_pki.path(u"signer.pem"_s));
        m_pki.write(u"ours.p7s"_s, signMudFile(*key, file, certificatesFromPem(content(u"middle.pem"_s))), false);
        m_pki.write(u"ours.json"_s, file, false);
        const QStringList line{u"cms"_s,
                               u"-verify"_s,
                               u"-binary"_s,
                               u"-inform"_s,
                               u"DER"_s,
                               u"-in"_s,
                               m_pki.path(u"ours.p7s"_s),
                               u"-content"_s,
                               m_pki.path(u"ours.json"_s),
                               u"-CAfile"_s,
                               m_pki.path(u"root.pem"_s),
                               u"-out"_s,
                               m_pki.path(u"out"_s)};
        QVERIFY2(m_pki.run(line), m_pki.output.constData());
        QCOMPARE(content(u"out"_s), file);
        QCOMPARE(verified(file, content(u"ours.p7s"_s)), QString());
        m_pki.write(u"ours.json"_s, file + ' ', false);
        QVERIFY(!m_pki.run(line));
        QVERIFY(verified(file + ' ', content(u"ours.p7s"_s)).startsWith(u"cms.content"));
    }

    void theirsByOurs_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("failure");
        const QStringList der{u"-outform"_s, u"DER"_s};
        const QStringList middle{u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QStringList binary = QStringList{u"-binary"_s} + middle;
        QTest::newRow("as it should be") << binary + der << QString();
        QTest::newRow("PEM") << binary + QStringList{u"-outform"_s, u"PEM"_s} << QString();
        QTest::newRow("by key identifier") << binary + der + QStringList{u"-keyid"_s} << QString();
        QTest::newRow("without attributes") << binary + der + QStringList{u"-noattr"_s} << QString();
        QTest::newRow("SHA-512") << binary + der + QStringList{u"-md"_s, u"sha512"_s} << QString();
        QTest::newRow("two signers") << binary + der +
                                            QStringList{u"-signer"_s, m_pki.path(u"other.pem"_s), u"-inkey"_s,
                                                        m_pki.path(u"other.key"_s)}
                                     << QString();
        QTest::newRow("one of two not trusted")
            << binary + der +
                   QStringList{u"-signer"_s, m_pki.path(u"stranger.pem"_s), u"-inkey"_s, m_pki.path(u"stranger.key"_s)}
            << u"cms.untrusted"_s;
        QTest::newRow("without the intermediate") << QStringList{u"-binary"_s} + der << u"cms.no-issuer"_s;
        QTest::newRow("without certificates") << binary + der + QStringList{u"-nocerts"_s} << u"cms.content"_s;
        QTest::newRow("as text") << middle + der
                                 << u"mud.line-ends: The signature is over the same file with lines "
                                    "that end in CR LF, and this one has lines that end in LF"_s;
        QTest::newRow("S/MIME") << binary << u"cms.smime"_s;
        QTest::newRow("content inside") << binary + der + QStringList{u"-nodetach"_s} << u"cms.not-detached"_s;
    }
    void theirsByOurs()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, failure);
        const QString said = verified(m_file, theirs(m_file, u"signer"_s, words));
        if (failure.isEmpty())
            QCOMPARE(said, QString());
        else
            QVERIFY2(said.startsWith(failure), qPrintable(said));
    }

    void changedOnTheWay()
    {
        const QStringList words{u"-binary"_s, u"-outform"_s, u"DER"_s, u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QByteArray signature = theirs(m_file, u"signer"_s, words);
        QByteArray windows = m_file;
        windows.replace("\n", "\r\n");
        QVERIFY(
            verified(windows, signature).contains(u"lines that end in LF, and this one has lines that end in CR LF"));
        QVERIFY(verified(m_file.chopped(1), signature).contains(u"this one has no line end at its end"));
        QVERIFY(verified(m_file + '\n', signature).contains(u"this one has a line end at its end"));
        QByteArray flipped = m_file;
        flipped[5] = char(flipped[5] ^ 1);
        QVERIFY(verified(flipped, signature).startsWith(u"cms.content"));
        QVERIFY(verified({}, signature).startsWith(u"cms.content"));
        for (qsizetype i = 0; i < signature.size(); i += 97)
            QVERIFY(verified(m_file, signature.left(i)).startsWith(u"cms.damaged"));
        QVERIFY(verified(m_file, signature + '\0').startsWith(u"cms.damaged"));
        QVERIFY(verified(m_file, QByteArray(3'000'000, '\x30')).startsWith(u"cms.damaged"));
        QVERIFY(verified(m_file, "-----BEGIN CMS-----\n!\n-----END CMS-----\n").startsWith(u"cms.damaged"));
        QVERIFY(verified(m_file, toPem("CMS", signature).chopped(30)).startsWith(u"cms.damaged"));
    }

    void whoSigned()
    {
        const QStringList words{u"-binary"_s, u"-outform"_s, u"DER"_s, u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QByteArray signature = theirs(m_file, u"signer"_s, words);
        QVERIFY2(verified(m_file, signature, u"stranger"_s).startsWith(u"cms.no-issuer: The chain of \"CN = Middle\""),
                 qPrintable(verified(m_file, signature, u"stranger"_s)));
        QCOMPARE(verified(m_file, signature, u"middle"_s), QString()); // an anchor is an anchor, whoever issued it
        const MudSignature found = verifyMudSignature(m_file, signature, {content(u"root.pem"_s), {}, {}});
        QCOMPARE(found.signers.size(), 1);
        QCOMPARE(found.signers[0].subject, u"O = Example, CN = MUD Signer"_s);
        QCOMPARE(found.signers[0].chain.size(), 3);
        QCOMPARE(found.signers[0].chain[2].subject, u"CN = root"_s);
        QCOMPARE(found.signers[0].chain[1].keyIdentifier.size(), 20);
        QVERIFY(verified(m_file, theirs(m_file, u"encrypts"_s, words)).startsWith(u"cms.key-usage"));
        QVERIFY(verified(m_file, theirs(m_file, u"silent"_s, words)).startsWith(u"cms.key-usage"));
        QCOMPARE(verified(m_file, theirs(m_file, u"web"_s, words)), QString()); // RFC 8520 asks for key usage alone
    }

    void forWhichDevice()
    {
        const QStringList words{u"-binary"_s, u"-outform"_s, u"DER"_s, u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QByteArray signature = theirs(m_file, u"signer"_s, words);
        QCOMPARE(verified(m_file, signature, u"root"_s, u"device"_s), QString());
        QCOMPARE(verified(m_file, theirs(m_file, u"renewed"_s, words), u"root"_s, u"device"_s), QString());
        QCOMPARE(verified(m_file, signature, u"root"_s, u"lower"_s), QString()); // RFC 5280 section 7.1
        QCOMPARE(verified(m_file, signature, u"root"_s, u"plain"_s), QString()); // names nobody
        const QString other = verified(m_file, theirs(m_file, u"other"_s, words), u"root"_s, u"device"_s);
        QVERIFY2(other.startsWith(u"mud.signer") && other.contains(u"CN = Other") && other.contains(u"CN = MUD Signer"),
                 qPrintable(other));
        QVERIFY(verified(m_file, signature, u"root"_s, u"odd"_s).startsWith(u"mud.signer"));
        QVERIFY2(verified(m_file, signature, u"root"_s, u"broken"_s).startsWith(u"identity.certificate"),
                 qPrintable(verified(m_file, signature, u"root"_s, u"broken"_s)));
        // One of several signers is enough.
        const QByteArray both = theirs(
            m_file, u"other"_s,
            words + QStringList{u"-signer"_s, m_pki.path(u"signer.pem"_s), u"-inkey"_s, m_pki.path(u"signer.key"_s)});
        QCOMPARE(verified(m_file, both, u"root"_s, u"device"_s), QString());
    }

    void validity()
    {
        const QStringList words{u"-binary"_s, u"-outform"_s, u"DER"_s, u"-certfile"_s, m_pki.path(u"middle.pem"_s)};
        const QByteArray signature = theirs(m_file, u"signer"_s, words);
        const auto at = [&](int days) {
            return failureOf([&] {
                (void)verifyMudSignature(
                    m_file, signature,
                    {content(u"root.pem"_s), {}, QDateTime::currentDateTimeUtc().addDays(days).toSecsSinceEpoch()});
            });
        };
        QCOMPARE(at(1), QString());
        QVERIFY2(at(60).startsWith(u"cms.expired"), qPrintable(at(60)));
        QVERIFY2(at(-1).startsWith(u"cms.not-yet-valid"), qPrintable(at(-1)));
        // Signing with such a certificate is refused at once.
        QVERIFY(m_pki.certificate(u"old"_s, u"root"_s, u"/CN=Old"_s, signs, {u"-days"_s, u"-1"_s}));
        const auto old = SigningKey::open(m_pki.path(u"old.key"_s), m_pki.path(u"old.pem"_s));
        QVERIFY(failureOf([&] { (void)signMudFile(*old, m_file); }).startsWith(u"cms.expired"));
        const auto mute = SigningKey::open(m_pki.path(u"encrypts.key"_s), m_pki.path(u"encrypts.pem"_s));
        QVERIFY(failureOf([&] { (void)signMudFile(*mute, m_file); }).startsWith(u"cms.key-usage"));
    }
};

SLIPWAY_TEST_MAIN(TestMudSignature)
#include "tst_mudsignature.moc"
