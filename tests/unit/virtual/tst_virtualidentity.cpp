// Keys, requests, challenges, files, settings and the lock of board t1-rev-b. OpenSSL judges.
#include "core/base/fault.h"
#include "drivers/virtual/openssl.h"
#include "tests/support/testmain.h"
#include "tests/unit/virtual/smptalk.h"

#include <QCborArray>
#include <QTemporaryDir>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

struct Request {
    bool parsed = false, signatureHolds = false;
    QString serial;
    QByteArray publicKey;
};

Request judge(const QByteArray &der)
{
    Request out;
    const auto *at = reinterpret_cast<const unsigned char *>(der.constData());
    const RequestPtr request(d2i_X509_REQ(nullptr, &at, der.size()));
    if (!request)
        return out;
    out.parsed = true;
    EVP_PKEY *key = X509_REQ_get0_pubkey(request.get());
    out.signatureHolds = X509_REQ_verify(request.get(), key) == 1;
    char text[128] = {};
    X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request.get()), NID_serialNumber, text, sizeof text);
    out.serial = QString::fromLatin1(text);
    unsigned char *spki = nullptr;
    const int length = i2d_PUBKEY(key, &spki);
    out.publicKey = QByteArray(reinterpret_cast<const char *>(spki), length);
    OPENSSL_free(spki);
    return out;
}

bool holds(const QByteArray &spki, const QByteArray &bytes, const QByteArray &signature)
{
    const auto *at = reinterpret_cast<const unsigned char *>(spki.constData());
    const KeyPtr key(d2i_PUBKEY(nullptr, &at, spki.size()));
    const DigestContextPtr context(EVP_MD_CTX_new());
    return key && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.constData()),
                            static_cast<size_t>(signature.size()),
                            reinterpret_cast<const unsigned char *>(bytes.constData()),
                            static_cast<size_t>(bytes.size())) == 1;
}

QString writeFileTo(VirtualSmp &device, const QString &name, const QByteArray &content)
{
    for (qsizetype at = 0; at < content.size(); at += 400) {
        QCborMap body{{u"name"_s, name}, {u"off"_s, static_cast<qint64>(at)}, {u"data"_s, content.mid(at, 400)}};
        if (at == 0)
            body.insert(u"len"_s, static_cast<qint64>(content.size()));
        const QString error = errorOf(ask(device, Write, 8, 0, body));
        if (!error.isEmpty())
            return error;
    }
    return {};
}

QString writeSetting(VirtualSmp &device, const QString &name, const QByteArray &value)
{
    return errorOf(ask(device, Write, 3, 0, {{u"name"_s, name}, {u"val"_s, value}}));
}

constexpr QLatin1StringView chain = "/lfs/idevid.pem"_L1;

VirtualSmpOptions blank()
{
    VirtualSmpOptions options;
    options.serial = u"T1-00000001"_s;
    return options;
}

} // namespace

class TestVirtualIdentity : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void wholeWay()
    {
        VirtualSmp device(blank());
        int status = 0;
        QCOMPARE(shell(device, u"idevid status"_s), u"identity: none"_s);
        QCOMPARE(shell(device, u"idevid csr T1-00000001"_s, &status), u"no key"_s);
        QCOMPARE(status, -2);
        QCOMPARE(shell(device, u"idevid sign 00"_s, &status), u"no key"_s);
        QCOMPARE(shell(device, u"idevid keygen"_s, &status), u"key: generated"_s);
        QCOMPARE(status, 0);
        QCOMPARE(shell(device, u"idevid status"_s), u"identity: key"_s);
        QCOMPARE(shell(device, u"idevid csr T1-00000001"_s), u"csr: /lfs/idevid.csr"_s);
        const Request request = judge(device.file(u"/lfs/idevid.csr"_s));
        QVERIFY(request.parsed && request.signatureHolds);
        QCOMPARE(request.serial, u"T1-00000001"_s);
        QCOMPARE(request.publicKey, device.facts().publicKey);

        const QByteArray challenge = QByteArray::fromHex("00112233445566778899aabbccddeeff");
        const QString signature = shell(device, u"idevid sign 00112233445566778899aabbccddeeff"_s);
        QVERIFY(holds(request.publicKey, challenge, QByteArray::fromHex(signature.toLatin1())));
        QVERIFY(!holds(request.publicKey, challenge + 'x', QByteArray::fromHex(signature.toLatin1())));
        shell(device, u"idevid sign 0"_s, &status);
        QCOMPARE(status, -22);
        shell(device, u"idevid sign 0g"_s, &status);
        QCOMPARE(status, -22);

        QCOMPARE(writeFileTo(device, chain, QByteArray(1500, 'c')), QString());
        QCOMPARE(device.certificate(), QByteArray(1500, 'c'));
        QCOMPARE(shell(device, u"idevid status"_s), u"identity: present"_s);
    }

    void lock()
    {
        QTemporaryDir folder;
        VirtualSmpOptions options = blank();
        options.stateFolder = folder.path();
        QByteArray key;
        int status = 0;
        {
            VirtualSmp device(options);
            shell(device, u"idevid keygen"_s);
            key = device.facts().publicKey;
            writeFileTo(device, chain, "certificate");
            QCOMPARE(shell(device, u"idevid keygen"_s), u"key: generated"_s); // not locked yet
            QVERIFY(device.facts().publicKey != key);
            key = device.facts().publicKey;
            QCOMPARE(shell(device, u"lock status"_s), u"debug: open"_s);
            QCOMPARE(shell(device, u"lock debug"_s, &status), u"debug: locked"_s);
            QCOMPARE(shell(device, u"lock debug"_s, &status), u"debug: locked"_s);
            QCOMPARE(status, 0);
        }
        VirtualSmp device(options); // after a power cut
        ask(device, Write, 0, 5);   // and a restart
        QCOMPARE(shell(device, u"lock status"_s), u"debug: locked"_s);
        QVERIFY(device.locked());
        QCOMPARE(shell(device, u"idevid keygen"_s, &status), u"identity is locked"_s);
        QCOMPARE(status, -13);
        QCOMPARE(device.facts().publicKey, key);
        QCOMPARE(writeFileTo(device, chain, "other"), u"8/15"_s);
        QCOMPARE(device.certificate(), QByteArray("certificate"));
        QCOMPARE(writeSetting(device, u"id/serial"_s, "T1-00000002"), u"3/6"_s);
        QCOMPARE(errorOf(ask(device, Write, 3, 1, {{u"name"_s, u"id/serial"_s}})), u"3/7"_s);
        QCOMPARE(errorOf(ask(device, Write, 63, 0)), u"11"_s);
        QCOMPARE(shell(device, u"idevid csr T1-00000001"_s), u"csr: /lfs/idevid.csr"_s); // still can prove itself
    }

    void settings()
    {
        VirtualSmpOptions options;
        VirtualSmp device(options);
        const auto read = [&](const QString &name) { return ask(device, Read, 3, 0, {{u"name"_s, name}}); };
        QCOMPARE(read(u"id/board"_s).value(u"val"_s).toByteArray(), QByteArray("t1-rev-b"));
        QCOMPARE(read(u"id/hwid"_s).value(u"val"_s).toByteArray().size(), 8);
        QCOMPARE(errorOf(read(u"id/serial"_s)), u"3/3"_s);
        QCOMPARE(writeSetting(device, u"id/board"_s, "x"), u"3/6"_s);
        QCOMPARE(writeSetting(device, u"id/other"_s, "x"), u"3/3"_s);
        QCOMPARE(writeSetting(device, u"foreign/x"_s, "x"), u"3/3"_s);
        QCOMPARE(writeSetting(device, u"app/"_s + QString(70, u'n'), "x"), u"3/2"_s);
        QCOMPARE(errorOf(ask(device, Write, 3, 0)), u"3"_s);
        QCOMPARE(writeSetting(device, u"id/serial"_s, "T1-00000005"), QString());
        QCOMPARE(writeSetting(device, u"app/mode"_s, "eco"), QString());
        QCOMPARE(*device.setting(u"app/mode"_s), QByteArray("eco"));
        QVERIFY(!device.savedSetting(u"app/mode"_s));
        QCOMPARE(errorOf(ask(device, Write, 3, 3)), QString()); // save
        QCOMPARE(writeSetting(device, u"app/mode"_s, "boost"), QString());
        QCOMPARE(errorOf(ask(device, Read, 3, 3)), QString()); // load
        QCOMPARE(*device.setting(u"app/mode"_s), QByteArray("eco"));
        QCOMPARE(writeSetting(device, u"app/forgotten"_s, "x"), QString());
        ask(device, Write, 0, 5);
        QVERIFY(!device.setting(u"app/forgotten"_s));
        QCOMPARE(device.facts().serial, u"T1-00000005"_s);
        QCOMPARE(errorOf(ask(device, Write, 3, 1, {{u"name"_s, u"app/mode"_s}})), QString());
        QCOMPARE(errorOf(ask(device, Write, 3, 1, {{u"name"_s, u"app/mode"_s}})), u"3/3"_s);
    }

    void files()
    {
        VirtualSmpOptions options;
        options.fileSystemSize = 1000;
        VirtualSmp device(options);
        const auto put = [&](const QString &name, qint64 offset, const QByteArray &data, qint64 length = -1) {
            QCborMap body{{u"name"_s, name}, {u"off"_s, offset}, {u"data"_s, data}};
            if (length >= 0)
                body.insert(u"len"_s, length);
            return ask(device, Write, 8, 0, body);
        };
        QCOMPARE(errorOf(put(u"/lfs/a"_s, 0, "abc")), u"3"_s); // no length
        QCOMPARE(put(u"/lfs/a"_s, 0, "abc", 6).value(u"off"_s).toInteger(), 3);
        const QCborMap gap = put(u"/lfs/a"_s, 5, "x");
        QCOMPARE(errorOf(gap), u"8/11"_s);
        QCOMPARE(gap.value(u"len"_s).toInteger(), 3);
        QCOMPARE(put(u"/lfs/a"_s, 3, "def").value(u"off"_s).toInteger(), 6);
        QCOMPARE(device.file(u"/lfs/a"_s), QByteArray("abcdef"));
        QCOMPARE(errorOf(put(u"/lfs/b"_s, 0, QByteArray(995, 'b'), 995)), u"8/10"_s); // full
        QCOMPARE(errorOf(ask(device, Read, 8, 2, {{u"name"_s, u"/lfs/a"_s}, {u"type"_s, u"md5"_s}})), u"8/13"_s);
        QCOMPARE(errorOf(ask(device, Read, 8, 1, {{u"name"_s, u"/lfs"_s}})), u"8/4"_s);
        QCOMPARE(errorOf(ask(device, Read, 8, 2, {{u"name"_s, u"/lfs/a"_s}, {u"off"_s, 6}})), u"8/12"_s);
        const QCborMap tail = ask(device, Read, 8, 0, {{u"name"_s, u"/lfs/a"_s}, {u"off"_s, 4}});
        QCOMPARE(tail.value(u"data"_s).toByteArray(), QByteArray("ef"));
        QVERIFY(!tail.contains(u"len"_s));
    }

    void clockAndInfo()
    {
        VirtualSmp device;
        QCOMPARE(errorOf(ask(device, Read, 0, 4)), u"0/4"_s);
        QCOMPARE(errorOf(ask(device, Write, 0, 4, {{u"datetime"_s, u"2026-13-01T00:00:00"_s}})), u"3"_s);
        QCOMPARE(errorOf(ask(device, Write, 0, 4, {{u"datetime"_s, u"2026-11-21T14:32:07"_s}})), QString());
        QVERIFY(ask(device, Read, 0, 4).value(u"datetime"_s).toString().startsWith(u"2026-11-21T14:32:"));
        QCOMPARE(ask(device, Read, 10, 0).value(u"count"_s).toInteger(), 8);
        QCOMPARE(ask(device, Read, 10, 1).value(u"groups"_s).toArray().size(), 8);
        QVERIFY(ask(device, Read, 10, 2, {{u"index"_s, 7}}).value(u"end"_s).toBool());
        QCOMPARE(ask(device, Read, 10, 3, {{u"groups"_s, QCborArray{9}}}).value(u"groups"_s).toArray().size(), 1);
        QCOMPARE(ask(device, Read, 0, 7, {{u"format"_s, u"i"_s}}).value(u"output"_s).toString(), u"t1-rev-b"_s);
    }

    void measurements()
    {
        VirtualSmp device;
        QCOMPARE(shell(device, u"adc vdd"_s), u"vdd = 3.312 V"_s);
        QCOMPARE(shell(device, u"radio level"_s), u"-41.2 dBm"_s);
        QCOMPARE(shell(device, u"kernel version"_s), u"Zephyr version 3.4.99"_s);
        device.setFault(VirtualFault::parse(u"adc-outside:value=2.9"_s));
        QCOMPARE(shell(device, u"adc vdd"_s), u"vdd = 2.900 V"_s);
        device.clearFaults();
        QCOMPARE(shell(device, u"adc vdd"_s), u"vdd = 3.312 V"_s);
    }

    void faults()
    {
        VirtualSmp device(blank());
        int status = 0;
        const auto csr = [&] {
            shell(device, u"idevid csr T1-00000001"_s);
            return judge(device.file(u"/lfs/idevid.csr"_s));
        };
        device.setFault(VirtualFault::parse(u"refuse-keygen"_s));
        shell(device, u"idevid keygen"_s, &status);
        QVERIFY(status != 0 && !device.facts().hasKey);
        device.clearFaults();
        shell(device, u"idevid keygen"_s);

        device.setFault(VirtualFault::parse(u"csr-signature"_s));
        QVERIFY(csr().parsed && !csr().signatureHolds);
        device.clearFaults();
        device.setFault(VirtualFault::parse(u"csr-serial"_s));
        QVERIFY(csr().signatureHolds);
        QCOMPARE(csr().serial, u"X-T1-00000001"_s);
        device.clearFaults();
        device.setFault(VirtualFault::parse(u"csr-stale"_s));
        QVERIFY(csr().signatureHolds && csr().publicKey != device.facts().publicKey);
        device.clearFaults();
        QVERIFY(csr().signatureHolds && csr().publicKey == device.facts().publicKey);

        device.setFault(VirtualFault::parse(u"sign-wrong"_s));
        const QByteArray signature = QByteArray::fromHex(shell(device, u"idevid sign abcd"_s).toLatin1());
        QVERIFY(signature.size() > 60 && !holds(device.facts().publicKey, QByteArray::fromHex("abcd"), signature));
        device.clearFaults();

        device.setFault(VirtualFault::parse(u"key-changes"_s));
        const QByteArray before = device.facts().publicKey;
        ask(device, Write, 0, 5);
        QVERIFY(device.facts().publicKey != before);
        device.clearFaults();

        device.setFault(VirtualFault::parse(u"lock-fails"_s));
        QCOMPARE(shell(device, u"lock debug"_s), u"debug: locked"_s);
        QCOMPARE(shell(device, u"lock status"_s), u"debug: open"_s);
        device.clearFaults();

        device.setFault(VirtualFault::parse(u"full-flash"_s));
        QCOMPARE(writeFileTo(device, chain, "c"), u"8/10"_s);
        QCOMPARE(errorOf(upload(device, testData(u"t1-1.4.2-p256.bin"_s))), u"1/12"_s);
        device.clearFaults();

        device.setFault(VirtualFault::parse(u"wrong-hash"_s));
        upload(device, testData(u"t1-1.4.2-p256.bin"_s));
        const QByteArray reported =
            ask(device, Read, 1, 0).value(u"images"_s).toArray().at(1).toMap().value(u"hash"_s).toByteArray();
        QVERIFY(reported.size() == 32 && reported != device.facts().slot1Hash);
    }

    void faultWords_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("code");
        QTest::newRow("unknown") << u"silense:after=3"_s << u"virtual.fault"_s;
        QTest::newRow("option") << u"late:wait=3"_s << u"virtual.fault-option"_s;
        QTest::newRow("number") << u"silence:after=x"_s << u"virtual.fault-option"_s;
        QTest::newRow("negative") << u"silence:after=-1"_s << u"virtual.fault-option"_s;
        QTest::newRow("never") << u"late:every=0"_s << u"virtual.fault-option"_s;
    }
    void faultWords()
    {
        QFETCH(QString, text);
        QFETCH(QString, code);
        try {
            VirtualFault::parse(text);
            QFAIL("accepted");
        } catch (const Fault &fault) {
            QVERIFY(fault.is(code));
        }
    }

    // Requests that no client should send.
    void nonsense()
    {
        VirtualSmp device(blank());
        for (int group = 0; group < 70; ++group)
            for (int command = 0; command < 12; ++command)
                for (const Op op : {Read, Write}) {
                    if (group == 0 && command == 5)
                        continue;
                    for (const QCborMap &body :
                         {QCborMap(), QCborMap{{u"name"_s, 3}, {u"off"_s, -1}, {u"data"_s, u"x"_s}, {u"argv"_s, 1}},
                          QCborMap{{1, 2}}}) {
                        const QByteArray answer = device.handle(request(op, group, command, body));
                        QVERIFY(answer.size() >= 10);
                        QCborParserError error;
                        QCborValue::fromCbor(answer.mid(8), &error);
                        QCOMPARE(error.error, QCborError(QCborError::NoError));
                    }
                }
        QVERIFY(device.handle("short").isEmpty());
        QVERIFY(device.handle(request(Read, 0, 0).first(8)).isEmpty());                   // body missing
        QCOMPARE(errorOf(bodyOf(device.handle(request(Read, 0, 0, {}, 0, 3)))), u"13"_s); // a version to come
        QByteArray notMap = request(Read, 0, 0);
        notMap[8] = '\x01';
        QCOMPARE(errorOf(bodyOf(device.handle(notMap))), u"3"_s);
    }
};

SLIPWAY_TEST_MAIN(TestVirtualIdentity)
#include "tst_virtualidentity.moc"
