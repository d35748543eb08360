// `slipway mud url`, `accept` and `history` as a stranger uses them: MUD files signed by the openssl program, the way
// of a product on record, and a recipe whose URL cannot follow.

#include "tests/scenario/slipwayprogram.h"
#include "tests/support/opensslpki.h"
#include "tests/support/testmain.h"

#include <QJsonArray>

using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

const QString hello = u"https://example.com/hello/there/file.json"_s;
const QString toaster = u"https://example.com/household/products/mudfiles/toaster.json"_s;
const QString model = u"https://example.com/mudfiles/toasters/model1945/mud.json"_s;
constexpr auto signing = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                         "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

} // namespace

class TestMudAccept : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    OpensslPki m_pki;
    QString m_home;

    // A MUD file NAME.json that calls itself so, and NAME.p7s by that signer.
    void makeFile(const QString &name, const QString &url, const QString &signer, const QString &above = {})
    {
        const QByteArray json = "{\"ietf-mud:mud\":{\"mud-version\":1,\"mud-url\":\"" + url.toUtf8() +
                                "\",\"last-update\":\"2026-11-21T12:00:00Z\",\"is-supported\":true}}\n";
        m_pki.write(name + u".json"_s, json);
        QStringList words{u"cms"_s,
                          u"-sign"_s,
                          u"-binary"_s,
                          u"-in"_s,
                          m_pki.path(name + u".json"_s),
                          u"-signer"_s,
                          m_pki.path(signer + u".pem"_s),
                          u"-inkey"_s,
                          m_pki.path(signer + u".key"_s),
                          u"-outform"_s,
                          u"DER"_s,
                          u"-out"_s,
                          m_pki.path(name + u".p7s"_s)};
        if (!above.isEmpty())
            words << u"-certfile"_s << m_pki.path(above + u".pem"_s);
        QVERIFY2(m_pki.run(words), m_pki.output.constData());
    }
    Ran accept(const QStringList &words) const
    {
        return slipwayRun(QStringList{u"mud"_s, u"accept"_s, u"--home"_s, m_home} + words);
    }
    QStringList file(const QString &name, const QString &anchor) const
    {
        return {u"--file"_s,    m_pki.path(name + u".json"_s), u"--signature"_s, m_pki.path(name + u".p7s"_s),
                u"--anchors"_s, m_pki.path(anchor + u".pem"_s)};
    }
    QStringList previous(const QString &name) const
    {
        return {u"--previous-file"_s, m_pki.path(name + u".json"_s), u"--previous-signature"_s,
                m_pki.path(name + u".p7s"_s)};
    }

private Q_SLOTS:
    void initTestCase()
    {
        m_home = m_folder.filePath(u"home"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, m_home, u"--name"_s, u"Line 1"_s}).status, 0);
        QVERIFY2(m_pki.authority(u"old"_s), m_pki.output.constData());
        QVERIFY2(m_pki.authority(u"new"_s), m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"signer"_s, u"old"_s, u"/O=Example/CN=MUD Signer"_s, QLatin1String(signing)),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"other"_s, u"old"_s, u"/O=Example/CN=Somebody else"_s, QLatin1String(signing)),
                 m_pki.output.constData());
        QVERIFY2(m_pki.certificate(u"moved"_s, u"new"_s, u"/O=Example/CN=MUD Signer"_s, QLatin1String(signing)),
                 m_pki.output.constData());
        // The new authority's key, certified by the old one.
        QVERIFY2(m_pki.run({u"req"_s, u"-new"_s, u"-key"_s, m_pki.path(u"new.key"_s), u"-subj"_s, u"/CN=new"_s,
                            u"-out"_s, m_pki.path(u"link.csr"_s)}),
                 m_pki.output.constData());
        m_pki.write(u"link.ext"_s, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
                                   "subjectKeyIdentifier=hash\n");
        QVERIFY2(
            m_pki.run({u"x509"_s, u"-req"_s, u"-in"_s, m_pki.path(u"link.csr"_s), u"-CA"_s, m_pki.path(u"old.pem"_s),
                       u"-CAkey"_s, m_pki.path(u"old.key"_s), u"-CAcreateserial"_s, u"-days"_s, u"30"_s, u"-out"_s,
                       m_pki.path(u"link.pem"_s), u"-extfile"_s, m_pki.path(u"link.ext"_s)}),
            m_pki.output.constData());
    }

    void words_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QString>("first");
        QTest::addColumn<int>("status");
        const QStringList base{u"--canonical"_s, hello, u"--offered"_s};
        QTest::newRow("accept") << base + QStringList{u"https://example.com/hello/there/revision2.json"_s}
                                << u"accept"_s << 0;
        QTest::newRow("refetch") << base + QStringList{hello} << u"refetch"_s << 0;
        QTest::newRow("reject") << base + QStringList{u"https://example.com/hello/there2/file.json"_s} << u"reject"_s
                                << 1;
        QTest::newRow("rollback") << base + QStringList{u"https://example.com/hello/there/old.json"_s, u"--used"_s,
                                                        u"https://example.com/hello/there/old.json"_s}
                                  << u"rollback"_s << 1;
        QTest::newRow("no URL at all") << base + QStringList{u"pigeon"_s} << u"reject"_s << 1;
        QTest::newRow("redirect to another host")
            << QStringList{u"--canonical"_s, toaster,
                           u"--offered"_s,   toaster,
                           u"--redirect"_s,  u"https://mud.example/household/products/mudfiles/toaster.json"_s}
            << u"reject"_s << 1;
    }
    void words()
    {
        QFETCH(QStringList, words);
        QFETCH(QString, first);
        QFETCH(int, status);
        const Ran ran = accept(words);
        QCOMPARE(ran.status, status);
        QCOMPARE(QString::fromUtf8(ran.out).section(u' ', 0, 0), first);
        const Ran json = accept(words + QStringList{u"--json"_s});
        QCOMPARE(json.status, status);
        QCOMPARE(QJsonDocument::fromJson(json.out).object().value(u"outcome"_s).toString(), first);
    }

    void wrongWords()
    {
        QCOMPARE(accept({u"--offered"_s, hello}).status, 2);
        QCOMPARE(accept({u"--canonical"_s, u"http://example.com/a"_s, u"--offered"_s, hello}).status, 2);
        QCOMPARE(accept({u"--canonical"_s, hello, u"--offered"_s, hello, u"--record"_s}).status, 2);
        QCOMPARE(accept({u"--canonical"_s, hello, u"--offered"_s, hello, u"--file"_s, u"x"_s}).status, 2);
        QCOMPARE(accept({u"--canonical"_s, hello, u"--offered"_s, hello, u"--source"_s, u"pigeon"_s}).status, 2);
    }

    void signer_data()
    {
        QTest::addColumn<QString>("signer");
        QTest::addColumn<QString>("above");
        QTest::addColumn<QString>("anchor");
        QTest::addColumn<QString>("first");
        QTest::newRow("the same") << u"signer"_s << QString() << u"old"_s << u"accept"_s;
        QTest::newRow("another subject") << u"other"_s << QString() << u"old"_s << u"reject"_s;
        QTest::newRow("a new authority under the old one") << u"moved"_s << u"link"_s << u"old"_s << u"accept"_s;
    }
    void signer()
    {
        QFETCH(QString, signer);
        QFETCH(QString, above);
        QFETCH(QString, anchor);
        QFETCH(QString, first);
        const QString next = u"https://example.com/hello/there/revision2.json"_s;
        makeFile(u"before"_s, hello, u"signer"_s);
        makeFile(u"after"_s, next, signer, above);
        const Ran ran = accept(QStringList{u"--canonical"_s, hello, u"--offered"_s, next} + file(u"after"_s, anchor) +
                               previous(u"before"_s));
        QVERIFY2(ran.out.startsWith(first.toUtf8() + ' '), ran.out + ran.err);
        QCOMPARE(ran.status, first == u"accept" ? 0 : 1);
    }

    // Under its own authority alone there is nothing that leads to the one before.
    void unrelatedAuthority()
    {
        const QString next = u"https://example.com/hello/there/revision2.json"_s;
        makeFile(u"before"_s, hello, u"signer"_s);
        makeFile(u"after"_s, next, u"moved"_s);
        QVERIFY(m_pki.write(u"both.pem"_s, m_pki.content(u"old.pem"_s) + m_pki.content(u"new.pem"_s)).size());
        const Ran ran = accept(QStringList{u"--canonical"_s, hello, u"--offered"_s, next} +
                               file(u"after"_s, u"both"_s) + previous(u"before"_s));
        QVERIFY2(ran.out.startsWith("reject "), ran.out + ran.err);
        const Ran untrusted =
            accept(QStringList{u"--canonical"_s, hello, u"--offered"_s, next} + file(u"after"_s, u"old"_s));
        QCOMPARE(untrusted.status, 1);
        QVERIFY2(untrusted.out.startsWith("reject "), untrusted.out + untrusted.err);
        // Which of the anchors a chain ends at must not matter.
        makeFile(u"after"_s, next, u"moved"_s, u"link"_s);
        const Ran linked = accept(QStringList{u"--canonical"_s, hello, u"--offered"_s, next} +
                                  file(u"after"_s, u"both"_s) + previous(u"before"_s));
        QVERIFY2(linked.out.startsWith("accept "), linked.out + linked.err);
    }

    // A signature that does not hold is a judgement, and no person overrules it.
    void signatureThatDoesNotHold()
    {
        const QString next = u"https://example.com/hello/there/revision2.json"_s;
        makeFile(u"after"_s, next, u"signer"_s);
        m_pki.write(u"after.json"_s, m_pki.content(u"after.json"_s) + ' ');
        const QStringList words = QStringList{u"--offered"_s, next} + file(u"after"_s, u"old"_s);
        const Ran ran = accept(QStringList{u"--canonical"_s, hello} + words);
        QVERIFY2(ran.status == 1 && ran.out.startsWith("reject "), ran.out + ran.err);
        const Ran forced = accept(
            QStringList{u"--product"_s, u"broken"_s, u"--record"_s, u"--override"_s, u"--reason"_s, u"in a hurry"_s} +
            words);
        QVERIFY2(forced.status == 1 && forced.out.startsWith("reject "), forced.out + forced.err);
        m_pki.write(u"after.p7s"_s, "junk");
        QCOMPARE(accept(QStringList{u"--canonical"_s, hello} + words).status, 2);
    }

    // Only who signed the file before may move a product to another place.
    void bigChangeByNobodyKnown()
    {
        makeFile(u"after"_s, model, u"signer"_s);
        const QStringList words =
            QStringList{u"--canonical"_s, toaster, u"--offered"_s, toaster} + file(u"after"_s, u"old"_s);
        const Ran ran = accept(words);
        QVERIFY2(ran.status == 1 && ran.out.startsWith("reject "), ran.out + ran.err);
        makeFile(u"before"_s, toaster, u"signer"_s);
        const Ran known = accept(words + previous(u"before"_s));
        QVERIFY2(known.status == 0 && known.out.startsWith("refetch "), known.out + known.err);
        QVERIFY2(known.err.contains(model.toUtf8()), known.err);
    }

    void wayOfAProductOnRecord()
    {
        const QStringList product{u"--product"_s, u"t1"_s, u"--record"_s, u"--offered"_s};
        makeFile(u"toaster"_s, toaster, u"signer"_s);
        QCOMPARE(
            accept(product + QStringList{toaster, u"--source"_s, u"idevid"_s} + file(u"toaster"_s, u"old"_s)).status,
            0);
        // The same file, changed in place, names another URL: the canonical one from now on.
        makeFile(u"toaster"_s, model, u"signer"_s);
        const Ran big =
            accept(product + QStringList{toaster} + file(u"toaster"_s, u"old"_s) + QStringList{u"--json"_s});
        QCOMPARE(big.status, 0);
        QCOMPARE(QJsonDocument::fromJson(big.out).object().value(u"canonical-after"_s).toString(), model);
        const QString second = u"https://example.com/mudfiles/toasters/model1945/mud2.json"_s;
        makeFile(u"second"_s, second, u"signer"_s);
        QCOMPARE(accept(product + QStringList{second} + file(u"second"_s, u"old"_s)).status, 0);
        const Ran back = accept(QStringList{u"--product"_s, u"t1"_s, u"--offered"_s, toaster, u"--json"_s});
        QCOMPARE(back.status, 1);
        const QJsonObject said = QJsonDocument::fromJson(back.out).object();
        QCOMPARE(said.value(u"outcome"_s).toString(), u"reject"_s);
        QCOMPARE(said.value(u"rollback"_s).toBool(), true);
        QVERIFY(accept({u"--product"_s, u"t1"_s, u"--offered"_s, model}).out.startsWith("rollback "));

        const Ran history = slipwayRun({u"mud"_s, u"history"_s, u"t1"_s, u"--home"_s, m_home, u"--json"_s});
        QCOMPARE(history.status, 0);
        QCOMPARE(history.out.count('\n'), 3);
        QVERIFY(history.out.contains("CN = MUD Signer"));
        // Another product has a way of its own, a unit that of its product.
        QCOMPARE(accept({u"--product"_s, u"t2"_s, u"--offered"_s, hello}).status, 0);
        QVERIFY(accept({u"--product"_s, u"t1"_s, u"--device"_s, u"T1-00000001"_s, u"--offered"_s, second})
                    .out.startsWith("refetch "));
        QCOMPARE(slipwayRun({u"journal"_s, u"verify"_s, u"--home"_s, m_home}).status, 0);
    }

    // The sample recipe's URL is not where the product is by now: refused before a device is touched.
    void recipeThatCannotFollow()
    {
        const QString home = m_folder.filePath(u"second"_s);
        QCOMPARE(slipwayRun({u"init"_s, u"--home"_s, home, u"--name"_s, u"Line 2"_s}).status, 0);
        const QStringList run{u"run"_s,    u"t1"_s, u"--slot"_s,   u"1="_s + m_folder.filePath(u"nowhere"_s),
                              u"--home"_s, home,    u"--serial"_s, u"T1-00000001"_s};
        const Ran free = slipwayRun(run);
        QVERIFY2(!free.err.contains("cannot follow"), free.err);
        const Ran recorded = slipwayRun({u"mud"_s, u"accept"_s, u"--home"_s, home, u"--product"_s, u"t1"_s,
                                         u"--record"_s, u"--offered"_s, u"https://mud.example/elsewhere/9.json"_s});
        QCOMPARE(recorded.status, 0);
        const Ran refused = slipwayRun(run);
        QVERIFY2(refused.err.contains("cannot follow"), refused.err);
        QCOMPARE(refused.status, 2);
        // Nor is it released.
        const QStringList release{u"recipe"_s, u"sign"_s, home + u"/recipes/t1.yaml"_s, u"--home"_s, home};
        const Ran unreleased = slipwayRun(release);
        QVERIFY2(unreleased.status == 2 && unreleased.err.contains("cannot follow"), unreleased.err);
        QVERIFY(!QFileInfo::exists(home + u"/recipes/t1.yaml.p7s"_s));
        // An engineer may decide otherwise, with a reason on record.
        const QStringList override{u"mud"_s,       u"accept"_s,    u"--home"_s,
                                   home,           u"--product"_s, u"t1"_s,
                                   u"--record"_s,  u"--offered"_s, u"https://mud.example/t1/1.4.json"_s,
                                   u"--override"_s};
        QCOMPARE(slipwayRun(override).status, 2);
        QCOMPARE(slipwayRun(override + QStringList{u"--reason"_s, u"two products became one"_s}).status, 0);
        QVERIFY(!slipwayRun(run).err.contains("cannot follow"));
        QCOMPARE(slipwayRun(release).status, 0);
    }

    void urlAndNothingElse()
    {
        QVERIFY2(m_pki.certificate(
                     u"device"_s, u"old"_s, u"/serialNumber=T1-1"_s,
                     u"basicConstraints=CA:FALSE\n1.3.6.1.5.5.7.1.25=ASN1:IA5:https://example.com/mud/m7.json\n"_s),
                 m_pki.output.constData());
        const Ran ran = slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"device.pem"_s)});
        QCOMPARE(ran.out, "https://example.com/mud/m7.json\n");
        QCOMPARE(ran.status, 0);
        const Ran form = slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"device.pem"_s), u"--as"_s, u"extension"_s});
        QCOMPARE(form.out, "161f68747470733a2f2f6578616d706c652e636f6d2f6d75642f6d372e6a736f6e\n");
        // Another type of string is damage to that extension, and the certificate can be judged all the same.
        QVERIFY2(m_pki.certificate(u"utf8"_s, u"old"_s, u"/serialNumber=T1-2"_s,
                                   u"1.3.6.1.5.5.7.1.25=ASN1:UTF8:https://example.com/mud/m7.json\n"_s),
                 m_pki.output.constData());
        const Ran damaged = slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"utf8.pem"_s)});
        QVERIFY2(damaged.status == 2 && damaged.out.isEmpty() && damaged.err.contains("IA5String"), damaged.err);
        const Ran judged = slipwayRun(
            {u"identity"_s, u"check"_s, m_pki.path(u"utf8.pem"_s), u"--profile"_s, u"t1"_s, u"--home"_s, m_home});
        QVERIFY2(judged.status == 1 && judged.out.contains("no IA5String"), judged.out + judged.err);
        const Ran none = slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"signer.pem"_s)});
        QCOMPARE(none.status, 1);
        QVERIFY(none.out.isEmpty());
        QCOMPARE(slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"missing.pem"_s)}).status, 2);
        QCOMPARE(slipwayRun({u"mud"_s, u"url"_s, m_pki.path(u"signer.key"_s)}).status, 2);
    }
};

SLIPWAY_TEST_MAIN(TestMudAccept)
#include "tst_mudaccept.moc"
