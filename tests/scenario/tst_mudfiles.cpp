// slipway mud check, sign, verify, publish, headers and serve, as a manufacturer runs them; what is served is fetched
// by curl, and nginx serves the same folder with the lines written for it.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QTcpServer>

#include <csignal>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray read(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class TestMudFiles : public QObject
{
    Q_OBJECT

    OpensslPki m_pki;
    QString path(const QString &name) const { return m_pki.path(name); }
    QByteArray m_good;

    Ran sign(const QString &file, const QString &out, const QStringList &more = {})
    {
        return slipwayRun(QStringList{u"mud"_s, u"sign"_s, path(file), u"--key"_s, path(u"signer.key"_s), u"--cert"_s,
                                      path(u"signer.pem"_s), u"--out"_s, path(out)} +
                          more);
    }
    Ran publish(const QString &file, const QString &signature, const QStringList &more = {})
    {
        return slipwayRun(QStringList{u"mud"_s, u"publish"_s, path(file), u"--signature"_s, path(signature), u"--out"_s,
                                      path(u"site"_s), u"--json"_s} +
                          more);
    }
    void put(const QString &name, const QByteArray &content) { m_pki.write(name, content, false); }
    QByteArray changed(const QByteArray &from, const QByteArray &to) const
    {
        QByteArray text = m_good;
        return text.replace(from, to);
    }

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_pki.authority(u"ca"_s));
        QVERIFY(m_pki.certificate(u"signer"_s, u"ca"_s, u"/CN=MUD Signer"_s, u"keyUsage=critical,digitalSignature"_s));
        QVERIFY(m_pki.certificate(u"web"_s, u"ca"_s, u"/CN=127.0.0.1"_s, u"subjectAltName=IP:127.0.0.1"_s));
        m_good = read(QStringLiteral(SLIPWAY_TEST_DATA "/mud/cases/base.json"));
        put(u"1.4.json"_s, m_good);
        QVERIFY(QDir().mkpath(path(u"site"_s)));
    }

    void check()
    {
        Ran ran = slipwayRun({u"mud"_s, u"check"_s, path(u"1.4.json"_s)});
        QVERIFY2(ran.status == 0 && ran.lastLine().endsWith(u"0 errors, 0 warnings."), qPrintable(ran.text()));
        put(u"bad.json"_s, changed("\"cache-validity\": 48", "\"cache-validity\": 999"));
        ran = slipwayRun({u"mud"_s, u"check"_s, path(u"bad.json"_s), u"--json"_s});
        QCOMPARE(ran.status, 1);
        const auto objects = ran.objects();
        QCOMPARE(objects.size(), 1);
        QCOMPARE(objects[0].keys(), (QStringList{u"clause"_s, u"line"_s, u"message"_s, u"path"_s, u"severity"_s}));
        QCOMPARE(objects[0][u"line"_s].toInt(), 7);
        QCOMPARE(objects[0][u"path"_s].toString(), u"/ietf-mud:mud/cache-validity"_s);
        QCOMPARE(objects[0][u"clause"_s].toString(), u"RFC 8520 3.5"_s);
        QCOMPARE(objects[0][u"severity"_s].toString(), u"error"_s);
        QVERIFY(slipwayRun({u"mud"_s, u"check"_s, path(u"bad.json"_s)}).out.contains("bad.json:7: error: 999 is no"));
    }

    void unusable_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("text") << QByteArray("hello");
        QTest::newRow("deep") << QByteArray(200'000, '[');
        QTest::newRow("10 MB") << QByteArray(10'000'000, ' ');
        QTest::newRow("bytes") << QByteArray("\x80\x81\x82");
    }
    void unusable()
    {
        QFETCH(QByteArray, content);
        put(u"x.json"_s, content);
        const Ran ran = slipwayRun({u"mud"_s, u"check"_s, path(u"x.json"_s)});
        QVERIFY2(ran.status == 2 && ran.err.count('\n') == 1, qPrintable(ran.text()));
        QVERIFY(ran.out.isEmpty());
    }
    void noFile()
    {
        for (const QString &name : {u"nowhere.json"_s, u"site"_s}) {
            const Ran ran = slipwayRun({u"mud"_s, u"check"_s, path(name)});
            QVERIFY2(ran.status == 2 && ran.err.count('\n') == 1, qPrintable(ran.text()));
        }
    }

    void signAndVerify()
    {
        Ran ran = sign(u"1.4.json"_s, u"1.4.p7s"_s);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        const QStringList verify{u"mud"_s,           u"verify"_s,    path(u"1.4.json"_s), u"--signature"_s,
                                 path(u"1.4.p7s"_s), u"--anchors"_s, path(u"ca.pem"_s)};
        ran = slipwayRun(verify + QStringList{u"--json"_s});
        QVERIFY2(ran.status == 0 && ran.objects().size() == 1, qPrintable(ran.text()));
        QCOMPARE(ran.objects()[0][u"signer"_s].toString(), u"CN = MUD Signer"_s);
        QByteArray windows = m_good;
        put(u"crlf.json"_s, windows.replace("\n", "\r\n"));
        ran = slipwayRun({u"mud"_s, u"verify"_s, path(u"crlf.json"_s), u"--signature"_s, path(u"1.4.p7s"_s),
                          u"--anchors"_s, path(u"ca.pem"_s)});
        QVERIFY2(ran.status == 1 && ran.err.contains("lines that end in CR LF"), qPrintable(ran.text()));
        put(u"junk.p7s"_s, "junk");
        ran = slipwayRun({u"mud"_s, u"verify"_s, path(u"1.4.json"_s), u"--signature"_s, path(u"junk.p7s"_s),
                          u"--anchors"_s, path(u"ca.pem"_s)});
        QVERIFY2(ran.status == 2 && ran.err.contains("no CMS signature"), qPrintable(ran.text()));
        // What has errors is not signed by accident.
        put(u"bad.json"_s, changed("\"is-supported\": true,", ""));
        ran = sign(u"bad.json"_s, u"bad.p7s"_s);
        QVERIFY2(ran.status == 1 && ran.err.contains("is-supported is missing") &&
                     !QFileInfo::exists(path(u"bad.p7s"_s)),
                 qPrintable(ran.text()));
        QCOMPARE(sign(u"bad.json"_s, u"bad.p7s"_s, {u"--unchecked"_s}).status, 0);
    }

    // What a command reads it does not write over, by whatever name.
    void inputsAreKept()
    {
        const QByteArray key = read(path(u"signer.key"_s));
        QVERIFY(QFile::link(path(u"signer.key"_s), path(u"key-link"_s)));
        for (const QString &out : {u"1.4.json"_s, u"signer.key"_s, u"signer.pem"_s, u"key-link"_s}) {
            const Ran ran = sign(u"1.4.json"_s, out);
            QVERIFY2(ran.status == 2 && ran.err.contains("not written over"), qPrintable(ran.text()));
        }
        QCOMPARE(read(path(u"signer.key"_s)), key);
        QCOMPARE(read(path(u"1.4.json"_s)), m_good);
        Ran ran = slipwayRun({u"mud"_s, u"sign"_s, path(u"1.4.json"_s), u"--key"_s, path(u"signer.key"_s), u"--cert"_s,
                              path(u"signer.pem"_s), u"--out"_s, QString()});
        QVERIFY2(ran.status != 0 && ran.err.contains("no name of a file is given"), qPrintable(ran.text()));
        // But a file may be added to in its place.
        put(u"merged.json"_s, m_good);
        ran = slipwayRun({u"mud"_s, u"author"_s, u"--merge"_s, path(u"merged.json"_s), u"--out"_s,
                          path(u"merged.json"_s), u"--peer"_s, u"new.example tcp 1"_s});
        QVERIFY2(ran.status == 0 && read(path(u"merged.json"_s)).contains("new.example"), qPrintable(ran.text()));
        ran = slipwayRun({u"mud"_s, u"author"_s, u"--out"_s, path(u"a.json"_s), u"--mud-url"_s,
                          u"https://mud.example/a/1.json"_s, u"--cache-validity"_s, u"0"_s});
        QVERIFY2(ran.status == 2 && ran.err.contains("--cache-validity"), qPrintable(ran.text()));
    }

    void unusableSigners_data()
    {
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("certificate");
        QTest::addColumn<QByteArray>("words");
        QTest::newRow("no key") << u"missing"_s << u"signer.pem"_s << QByteArray("Cannot read");
        QTest::newRow("a folder") << u"site"_s << u"signer.pem"_s << QByteArray("Cannot read");
        QTest::newRow("a certificate for a key") << u"signer.pem"_s << u"signer.pem"_s << QByteArray("cannot sign");
        QTest::newRow("no certificate") << u"signer.key"_s << u"missing"_s << QByteArray("Cannot read");
        QTest::newRow("a key for a certificate")
            << u"signer.key"_s << u"signer.key"_s << QByteArray("holds no certificate");
        QTest::newRow("another's certificate") << u"signer.key"_s << u"web.pem"_s << QByteArray("do not belong");
        QTest::newRow("too short") << u"rsa1024.key"_s << u"rsa1024.pem"_s << QByteArray("cannot sign");
        QTest::newRow("Ed25519") << u"ed25519.key"_s << u"ed25519.pem"_s << QByteArray("Ed25519");
    }
    void unusableSigners()
    {
        QFETCH(QString, key);
        QFETCH(QString, certificate);
        QFETCH(QByteArray, words);
        const QString name = key.section(u'.', 0, 0);
        if ((name == u"rsa1024" || name == u"ed25519") && !QFileInfo::exists(path(key)))
            QVERIFY2(m_pki.certificate(name, u"ca"_s, u"/CN=MUD Signer"_s, u"keyUsage=critical,digitalSignature"_s,
                                       {u"-days"_s, u"30"_s},
                                       name == u"rsa1024" ? QStringList{u"rsa:1024"_s} : QStringList{u"ed25519"_s}),
                     m_pki.output.constData());
        const Ran ran = slipwayRun({u"mud"_s, u"sign"_s, path(u"1.4.json"_s), u"--key"_s, path(key), u"--cert"_s,
                                    path(certificate), u"--out"_s, path(u"unusable.p7s"_s)});
        QVERIFY2(ran.status == 2 && ran.err.contains(words), qPrintable(ran.text()));
        QVERIFY2(!ran.err.contains("station"), qPrintable(ran.text())); // its keys have nothing to do with it
        QVERIFY(!QFileInfo::exists(path(u"unusable.p7s"_s)));
    }

    void lockedKey()
    {
        QVERIFY(m_pki.run({u"pkcs8"_s, u"-topk8"_s, u"-in"_s, path(u"signer.key"_s), u"-out"_s, path(u"locked.key"_s),
                           u"-passout"_s, u"pass:sesame"_s}));
        const QString line =
            u"%1$SLIPWAY mud sign 1.4.json --key locked.key --cert signer.pem --out locked.p7s%2 </dev/null"_s;
        const QString folder = QFileInfo(path(u"1.4.json"_s)).path();
        Ran ran = shell(line.arg(u"echo sesame > pass; exec 7< pass; "_s, u" --passphrase-fd 7"_s), folder);
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        ran = shell(line.arg(u"echo wrong > pass; exec 7< pass; "_s, u" --passphrase-fd 7"_s), folder);
        QVERIFY2(ran.status == 2 && ran.err.contains("passphrase"), qPrintable(ran.text()));
        ran = shell(line.arg(u"setsid -w "_s, QString()), folder); // nobody to ask
        QVERIFY2(ran.status == 2 && ran.err.contains("passphrase"), qPrintable(ran.text()));
        // A person at a terminal is asked, and what is typed is not shown.
        Running terminal(u"script"_s, {u"-qec"_s,
                                       u"'%1' mud sign '%2' --key '%3' --cert '%4' --out '%5'"_s.arg(
                                           slipwayProgram(), path(u"1.4.json"_s), path(u"locked.key"_s),
                                           path(u"signer.pem"_s), path(u"locked.p7s"_s)),
                                       u"/dev/null"_s});
        QVERIFY(terminal.waitForText("Type the passphrase of "));
        terminal.type("sesame\n");
        QVERIFY(terminal.waitForText("is signed by"));
        ran = terminal.finish();
        QVERIFY2(ran.status == 0 && !ran.out.contains("sesame"), qPrintable(ran.text()));
    }

    void publishing()
    {
        Ran ran = publish(u"1.4.json"_s, u"1.4.p7s"_s, {u"--anchors"_s, path(u"ca.pem"_s)});
        QVERIFY2(ran.status == 0 && ran.objects().size() == 1, qPrintable(ran.text()));
        QCOMPARE(read(path(u"site/t1/1.4.json"_s)), m_good);
        QCOMPARE(read(path(u"site/t1/1.4.p7s"_s)), read(path(u"1.4.p7s"_s)));
        QCOMPARE(ran.objects()[0][u"max-age"_s].toInt(), 48 * 3600);
        ran = publish(u"1.4.json"_s, u"1.4.p7s"_s);
        QVERIFY2(ran.status == 0 && ran.objects()[0][u"was-there"_s].toBool(), qPrintable(ran.text()));

        // Another content at the same URL: only as a correction, and only a newer one.
        put(u"c.json"_s, changed("\"port\": 443", "\"port\": 8443"));
        QCOMPARE(sign(u"c.json"_s, u"c.p7s"_s).status, 0);
        ran = publish(u"c.json"_s, u"c.p7s"_s);
        QVERIFY2(ran.status == 1 && ran.err.contains("devices rely on it"), qPrintable(ran.text()));
        ran = publish(u"c.json"_s, u"c.p7s"_s, {u"--correct"_s});
        QVERIFY2(ran.status == 1 && ran.err.contains("no update"), qPrintable(ran.text()));
        QCOMPARE(read(path(u"site/t1/1.4.json"_s)), m_good);
        put(u"c.json"_s, changed("\"port\": 443", "\"port\": 8443").replace("2026-11-20T", "2026-11-21T"));
        QCOMPARE(sign(u"c.json"_s, u"c.p7s"_s).status, 0);
        ran = publish(u"c.json"_s, u"c.p7s"_s, {u"--correct"_s});
        QVERIFY2(ran.status == 0 && ran.err.contains("2 rules of the old file are gone") &&
                     ran.err.contains("2 rules are new"),
                 qPrintable(ran.text()));
        QCOMPARE(read(path(u"site/t1/1.4.json"_s)), read(path(u"c.json"_s)));

        // A file that names its next URL, at the old one: the way to a new place.
        put(u"n.json"_s,
            changed("t1/1.4.json", "t1/2.0.json").replace("1.4.p7s", "2.0.p7s").replace("2026-11-20T", "2026-11-22T"));
        QCOMPARE(sign(u"n.json"_s, u"n.p7s"_s).status, 0);
        QCOMPARE(publish(u"n.json"_s, u"n.p7s"_s).status, 0);
        ran = publish(u"n.json"_s, u"n.p7s"_s, {u"--at"_s, u"https://mud.example/t1/1.4.json"_s, u"--correct"_s});
        QVERIFY2(ran.status == 0 && ran.err.contains("names another MUD URL"), qPrintable(ran.text()));
        QCOMPARE(read(path(u"site/t1/1.4.json"_s)), read(path(u"site/t1/2.0.json"_s)));
    }

    void notPublished()
    {
        // A signature that is not over this file.
        put(u"d.json"_s, changed("Thermostat", "Thermometer"));
        Ran ran = publish(u"d.json"_s, u"1.4.p7s"_s);
        QVERIFY2(ran.status == 1 && ran.err.contains("not what was signed"), qPrintable(ran.text()));
        // A signature where another file has its own.
        put(u"e.json"_s, changed("t1/1.4.json", "t1/1.5.json").replace("1.4.p7s", "2.0.p7s"));
        QCOMPARE(sign(u"e.json"_s, u"e.p7s"_s).status, 0);
        ran = publish(u"e.json"_s, u"e.p7s"_s);
        QVERIFY2(ran.status == 2 && ran.err.contains("has its signature there already"), qPrintable(ran.text()));
        QVERIFY(!QFileInfo::exists(path(u"site/t1/1.5.json"_s)));
        // Another product in the same folder is remarked on.
        put(u"f.json"_s, changed("t1/1.4.json", "t1/other.json")
                             .replace("1.4.p7s", "other.p7s")
                             .replace("\"model-name\": \"t1\"", "\"model-name\": \"t2\""));
        QCOMPARE(sign(u"f.json"_s, u"f.p7s"_s).status, 0);
        ran = publish(u"f.json"_s, u"f.p7s"_s);
        QVERIFY2(ran.status == 0 && ran.err.contains("folder of its own"), qPrintable(ran.text()));
        // Over a MUD file, or over the signature of one in another folder.
        const QByteArray there = read(path(u"site/t1/2.0.json"_s)), signature = read(path(u"site/t1/2.0.p7s"_s));
        for (const QByteArray &place : {QByteArray("../t1/2.0.json"), QByteArray("../t1/2.0.p7s")}) {
            put(u"h.json"_s, changed("t1/1.4.json", "t3/1.json").replace("1.4.p7s", place));
            QCOMPARE(sign(u"h.json"_s, u"h.p7s"_s).status, 0);
            for (const QStringList &more : {QStringList(), QStringList{u"--correct"_s}}) {
                ran = publish(u"h.json"_s, u"h.p7s"_s, more);
                QVERIFY2(ran.status == 2 && ran.err.contains("there"), qPrintable(ran.text()));
            }
        }
        QCOMPARE(read(path(u"site/t1/2.0.json"_s)), there);
        QCOMPARE(read(path(u"site/t1/2.0.p7s"_s)), signature);
        // A file over a signature.
        put(u"i.json"_s, changed("t1/1.4.json", "t1/2.0.p7s"));
        QCOMPARE(sign(u"i.json"_s, u"i.p7s"_s).status, 0);
        ran = publish(u"i.json"_s, u"i.p7s"_s, {u"--correct"_s});
        QVERIFY2(ran.status == 2 && read(path(u"site/t1/2.0.p7s"_s)) == signature, qPrintable(ran.text()));
        // Nothing leaves the folder by a link.
        QVERIFY(QFile::link(path(u"elsewhere"_s), path(u"site/t9"_s)));
        QVERIFY(QDir().mkpath(path(u"elsewhere"_s)));
        for (const QByteArray &below : {QByteArray("t9/1.4.json"), QByteArray("t9/a/b/1.4.json")}) {
            put(u"g.json"_s, changed("t1/1.4.json", below));
            QCOMPARE(sign(u"g.json"_s, u"g.p7s"_s).status, 0);
            ran = publish(u"g.json"_s, u"g.p7s"_s);
            QVERIFY2(ran.status != 0 && QDir(path(u"elsewhere"_s)).isEmpty(), qPrintable(ran.text()));
        }
        QVERIFY(QFile::remove(path(u"site/t9"_s)));
    }

    void served_data()
    {
        QTest::addColumn<bool>("tls");
        QTest::newRow("HTTP") << false;
        QTest::newRow("HTTPS") << true;
    }
    void served()
    {
        QFETCH(bool, tls);
        QStringList words{u"mud"_s, u"serve"_s, path(u"site"_s), u"--port"_s, u"0"_s, u"--json"_s};
        if (tls)
            words += {u"--cert"_s, path(u"web.pem"_s), u"--key"_s, path(u"web.key"_s)};
        const QString log = path(tls ? u"https.log"_s : u"http.log"_s);
        Running server(u"/bin/sh"_s,
                       QStringList{u"-c"_s, u"exec \"$0\" \"$@\" > '%1'"_s.arg(log), slipwayProgram()} + words);
        QTRY_VERIFY_WITH_TIMEOUT(read(log).contains('\n'), 30'000);
        const QString url = QJsonDocument::fromJson(read(log).split('\n').value(0)).object()[u"ready"_s].toString();
        QVERIFY2(url.startsWith(tls ? u"https://127.0.0.1:"_s : u"http://127.0.0.1:"_s), qPrintable(url));
        const QStringList curl{u"-s"_s, u"-i"_s,       u"--path-as-is"_s, u"--max-time"_s,
                               u"20"_s, u"--cacert"_s, path(u"ca.pem"_s)};
        Ran ran = run(u"curl"_s, curl + QStringList{url + u"t1/2.0.json"_s});
        QVERIFY2(ran.status == 0 && ran.out.startsWith("HTTP/1.1 200"), qPrintable(ran.text()));
        QVERIFY(ran.out.contains("Content-Type: application/mud+json\r\n"));
        QVERIFY(ran.out.contains("Cache-Control: max-age=172800\r\n"));
        QVERIFY(ran.out.endsWith(read(path(u"site/t1/2.0.json"_s))));
        const qsizetype at = ran.out.indexOf("ETag: ") + 6;
        const QByteArray etag = ran.out.mid(at, ran.out.indexOf("\r\n", at) - at);
        QVERIFY(etag.startsWith('"') && etag.endsWith('"'));
        for (const QByteArray &condition : {etag, QByteArray("\"x\", W/" + etag), QByteArray("*")}) {
            ran = run(u"curl"_s, curl + QStringList{u"-H"_s, u"If-None-Match: "_s + QString::fromLatin1(condition),
                                                    url + u"t1/2.0.json"_s});
            QVERIFY2(ran.out.startsWith("HTTP/1.1 304") && ran.out.endsWith("\r\n\r\n"), qPrintable(ran.text()));
        }
        ran = run(u"curl"_s, curl + QStringList{u"-H"_s, u"If-None-Match: \"x\""_s, url + u"t1/2.0.json"_s});
        QVERIFY(ran.out.startsWith("HTTP/1.1 200"));
        ran = run(u"curl"_s, curl + QStringList{u"-I"_s, url + u"t1/2.0.p7s"_s});
        QVERIFY2(ran.out.startsWith("HTTP/1.1 200") &&
                     ran.out.contains("Content-Type: application/pkcs7-signature\r\n") && ran.out.endsWith("\r\n\r\n"),
                 qPrintable(ran.text()));
        // One connection serves several requests.
        ran = run(u"curl"_s, QStringList{u"-s"_s, u"--cacert"_s, path(u"ca.pem"_s), u"-o"_s, path(u"a"_s), u"-o"_s,
                                         path(u"b"_s), u"-w"_s, u"%{http_code} %{num_connects}\n"_s,
                                         url + u"t1/2.0.json"_s, url + u"t1/2.0.p7s"_s});
        QCOMPARE(ran.out, QByteArray("200 1\n200 0\n"));
        QCOMPARE(read(path(u"b"_s)), read(path(u"site/t1/2.0.p7s"_s)));
        for (const QString &bad : {u"../ca.key"_s, u"t1/../../ca.key"_s, u"t1/..%2f..%2fca.key"_s, u"%2e%2e/ca.key"_s,
                                   u"t1/%2e%2e/%2e%2e/ca.key"_s, u"t1"_s, u"t1/"_s, u""_s, u"t1//2.0.json"_s,
                                   u"t1/2.0.json%00"_s, u"nowhere"_s, u"%ff"_s})
            QVERIFY2(run(u"curl"_s, curl + QStringList{url + bad}).out.startsWith("HTTP/1.1 404"), qPrintable(bad));
        ran = run(u"curl"_s, curl + QStringList{u"-X"_s, u"DELETE"_s, url + u"t1/2.0.json"_s});
        QVERIFY2(ran.out.startsWith("HTTP/1.1 405") && ran.out.contains("Allow: GET, HEAD"), qPrintable(ran.text()));
        server.signal(SIGINT);
        ran = server.finish();
        QCOMPARE(ran.status, 0);
        ran.out = read(log);
        QVERIFY(ran.objects().size() > 15);
        for (const QJsonObject &object : ran.objects())
            QVERIFY2(!object.contains(u"not-json"), qPrintable(ran.text()));
    }

    void linesForNginx()
    {
        const QString conf = path(u"mud.conf"_s);
        Ran ran = slipwayRun({u"mud"_s, u"headers"_s, path(u"site"_s), u"--server"_s, u"nginx"_s, u"--out"_s, conf});
        QVERIFY2(ran.status == 0, qPrintable(ran.text()));
        QTcpServer free;
        QVERIFY(free.listen(QHostAddress::LocalHost));
        const quint16 port = free.serverPort();
        free.close();
        put(u"nginx.conf"_s,
            u"daemon off; master_process off; pid %1/nginx.pid; error_log stderr; events { }\nhttp { access_log off;\n"
            "client_body_temp_path %1/t; proxy_temp_path %1/t; fastcgi_temp_path %1/t; uwsgi_temp_path %1/t; "
            "scgi_temp_path %1/t;\nserver { listen 127.0.0.1:%2; root %3; include %4;\n} }\n"_s
                .arg(QFileInfo(conf).path(), QString::number(port), path(u"site"_s), conf)
                .toUtf8());
        const QString nginx = QFileInfo::exists(u"/usr/sbin/nginx"_s) ? u"/usr/sbin/nginx"_s : u"nginx"_s;
        Running server(nginx, {u"-c"_s, path(u"nginx.conf"_s), u"-p"_s, QFileInfo(conf).path()});
        const QString url = u"http://127.0.0.1:%1/t1/"_s.arg(port);
        QTRY_VERIFY_WITH_TIMEOUT(run(u"curl"_s, {u"-s"_s, u"-I"_s, url + u"2.0.json"_s}).out.startsWith("HTTP/1.1 200"),
                                 20'000);
        ran = run(u"curl"_s, {u"-s"_s, u"-i"_s, url + u"2.0.json"_s});
        QVERIFY2(ran.out.contains("Content-Type: application/mud+json\r\n") &&
                     ran.out.contains("Cache-Control: max-age=172800\r\n") && ran.out.contains("ETag: "),
                 qPrintable(ran.text()));
        QVERIFY(ran.out.endsWith(read(path(u"site/t1/2.0.json"_s))));
        ran = run(u"curl"_s, {u"-s"_s, u"-i"_s, url + u"2.0.p7s"_s});
        QVERIFY2(ran.out.contains("Content-Type: application/pkcs7-signature\r\n"), qPrintable(ran.text()));
        server.signal(SIGTERM);
        QCOMPARE(server.finish().status, 0);
    }

    void otherServers()
    {
        Ran ran = slipwayRun({u"mud"_s, u"headers"_s, path(u"site"_s), u"--server"_s, u"netlify"_s});
        QVERIFY2(ran.status == 0 && ran.out.contains("/t1/2.0.json\n  Content-Type: application/mud+json\n"),
                 qPrintable(ran.text()));
        ran = slipwayRun({u"mud"_s, u"headers"_s, path(u"site"_s), u"--server"_s, u"apache"_s});
        QVERIFY2(ran.status == 0 && ran.out.contains("<Location \"/t1/2.0.p7s\">"), qPrintable(ran.text()));
        ran = slipwayRun({u"mud"_s, u"headers"_s, path(u"site"_s), u"--server"_s, u"iis"_s});
        QVERIFY2(ran.status == 2 && ran.err.contains("apache, netlify, nginx"), qPrintable(ran.text()));
    }
};

SLIPWAY_TEST_MAIN(TestMudFiles)
#include "tst_mudfiles.moc"
