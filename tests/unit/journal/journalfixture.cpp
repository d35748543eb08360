#include "tests/unit/journal/journalfixture.h"

#include "core/base/files.h"
#include "core/journal/chain.h"
#include "core/journal/database.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QUuid>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>

namespace slipway::test {

KeySigner::KeySigner() : m_key(EVP_EC_gen("P-256"), EVP_PKEY_free) {}

KeySigner::KeySigner(const QString &keyFile)
{
    const QByteArray pem = readFile(keyFile, 4096, QStringLiteral("a key"));
    BIO *bio = BIO_new_mem_buf(pem.constData(), int(pem.size()));
    m_key.reset(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr), EVP_PKEY_free);
    BIO_free(bio);
}

QByteArray KeySigner::privateKeyPem() const
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, m_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    const QByteArray pem(data, size);
    BIO_free(bio);
    return pem;
}

QByteArray KeySigner::sign(const QByteArray &message) const
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    QByteArray signature(128, '\0');
    size_t size = size_t(signature.size());
    const bool good =
        EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, m_key.get()) == 1 &&
        EVP_DigestSign(context, reinterpret_cast<unsigned char *>(signature.data()), &size,
                       reinterpret_cast<const unsigned char *>(message.constData()), size_t(message.size())) == 1;
    EVP_MD_CTX_free(context);
    signature.resize(good ? qsizetype(size) : 0);
    return signature;
}

QByteArray KeySigner::publicKeyDer() const
{
    unsigned char *der = nullptr;
    const int size = i2d_PUBKEY(m_key.get(), &der);
    const QByteArray bytes(reinterpret_cast<const char *>(der), size);
    OPENSSL_free(der);
    return bytes;
}

QByteArray KeySigner::certificatePem() const
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char *>("test station"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, m_key.get());
    X509_sign(certificate, m_key.get(), EVP_sha256());
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    const QByteArray pem(data, size);
    BIO_free(bio);
    X509_free(certificate);
    return pem;
}

Fixture::Fixture()
{
    QDir(folder.path()).mkdir(QStringLiteral("keys"));
    writeFile(folder.filePath(QStringLiteral("keys/station.pem")), signer->certificatePem());
}

QString Fixture::copy(const QString &name) const
{
    const QString to = folder.filePath(name);
    QDir(to).removeRecursively();
    QDir().mkpath(to + QStringLiteral("/keys"));
    for (const char *file : {"journal.db", "journal.db-wal", "journal.head", "keys/station.pem"})
        QFile::copy(folder.filePath(QLatin1String(file)), to + u'/' + QLatin1String(file));
    return to;
}

QString writeRun(Journal &journal, const QString &serial, const QString &verdict, const QString &mode)
{
    using S = QString;
    const auto t = [](const char *text) { return QString::fromUtf8(text); };
    const S run = QUuid::createUuid().toString(QUuid::WithoutBraces);
    const S intent = QUuid::createUuid().toString(QUuid::WithoutBraces);
    const auto sha = [](const QString &text) {
        return QCryptographicHash::hash(text.toUtf8(), QCryptographicHash::Sha256);
    };
    const auto add = [&](const char *kind, QCborMap body) { journal.append({t(kind), run, serial, std::move(body)}); };
    add("run.begun", {{t("slot"), t("1")},
                      {t("recipe"), t("Thermostat T1, final assembly")},
                      {t("recipe-version"), t("3")},
                      {t("recipe-sha256"), sha(t("recipe"))},
                      {t("signed"), true},
                      {t("driver"), t("smp")},
                      {t("port"), t("/dev/ttyACM0")},
                      {t("mode"), mode},
                      {t("attempt"), 1},
                      {t("operator"), t("Ada")}});
    add("step.begun", {{t("index"), 0}, {t("step"), t("identify")}, {t("name"), t("Identify")}});
    add("fact", {{t("name"), t("board")}, {t("value"), t("t1-rev-b")}});
    add("step.ended", {{t("index"), 0},
                       {t("step"), t("identify")},
                       {t("name"), t("Identify")},
                       {t("verdict"), t("PASS")},
                       {t("seconds"), 0.42},
                       {t("summary"), t("t1-rev-b, MCUboot 2.1")}});
    add("step.begun", {{t("index"), 1}, {t("step"), t("flash")}, {t("name"), t("Flash")}});
    add("artifact", {{t("sha256"), sha(t("image"))},
                     {t("name"), t("t1-1.4.2.signed.bin")},
                     {t("size"), 66560},
                     {t("product"), t("t1")},
                     {t("version"), t("1.4.2+7")},
                     {t("signer"), t("fw-signing")},
                     {t("use"), t("flashed")}});
    add("step.ended", {{t("index"), 1},
                       {t("step"), t("flash")},
                       {t("name"), t("Flash")},
                       {t("verdict"), t("PASS")},
                       {t("seconds"), 1.02},
                       {t("summary"), t("1.4.2+7, 65 KiB at 64.1 kB/s")}});
    add("intent", {{t("intent"), intent},
                   {t("act"), t("identity.issue")},
                   {t("index"), 2},
                   {t("detail"), QCborMap{{t("profile"), t("t1")}}}});
    add("certificate", {{t("serial"), serial},
                        {t("certificate-serial"), QString::fromLatin1(sha(run).left(16).toHex())},
                        {t("sha256"), sha(run + u'c')},
                        {t("public-key-sha256"), sha(run + u'k')},
                        {t("issuer"), t("Acme Device CA 3 (file)")},
                        {t("not-after"), t("99991231235959Z")},
                        {t("profile"), t("t1")},
                        {t("mud-url"), t("https://mud.example/t1/1.4.json")},
                        {t("masa-url"), t("masa.example")},
                        {t("der"), QByteArray(700, 'd')}});
    add("outcome", {{t("intent"), intent}, {t("state"), t("done")}, {t("sentence"), t("Issued and read back.")}});
    add("measurement", {{t("index"), 3},
                        {t("name"), t("supply")},
                        {t("value"), 3.281},
                        {t("unit"), t("V")},
                        {t("low"), 3.2},
                        {t("high"), 3.4},
                        {t("marginal"), false},
                        {t("verdict"), verdict}});
    add("step.ended", {{t("index"), 3},
                       {t("step"), t("measure")},
                       {t("name"), t("Supply")},
                       {t("verdict"), verdict},
                       {t("seconds"), 0.1},
                       {t("summary"), t("3.281 V")}});
    journal.appendDurably(
        {t("run.ended"),
         run,
         serial,
         {{t("verdict"), verdict},
          {t("sentence"), verdict == u"PASS" ? t("All steps passed.") : t("Supply is out of its limits.")},
          {t("seconds"), 1.9},
          {t("step"), 3},
          {t("irreversible"), true}}});
    return run;
}

ToolResult runTool(const QString &program, const QStringList &arguments, const QString &folder)
{
    constexpr int patience = 60'000;
    QProcess process;
    if (!folder.isEmpty())
        process.setWorkingDirectory(folder);
    process.start(program, arguments);
    ToolResult result;
    if (!process.waitForFinished(patience))
        return result;
    result.status = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    result.out = process.readAllStandardOutput();
    result.err = process.readAllStandardError();
    return result;
}

void rechain(const QString &database, qint64 from)
{
    Database db(database, Database::Access::Write);
    EntryHasher hasher;
    Statement read(db, "SELECT at, kind, run, device, body FROM entry WHERE seq = ?1");
    Statement write(db, "UPDATE entry SET prev = ?2, hash = ?3 WHERE seq = ?1");
    Statement hash(db, "SELECT hash FROM entry WHERE seq = ?1");
    hash.bind(1, from - 1);
    QByteArray prev = hash.step() ? hash.blob(0) : chainStart();
    hash.reset();
    db.run("BEGIN");
    for (qint64 seq = from, last = db.number("SELECT max(seq) FROM entry"); seq <= last; ++seq) {
        read.bind(1, seq);
        if (!read.step())
            qFatal("no entry %lld", static_cast<long long>(seq));
        const QByteArray next = hasher(seq, read.utf8(0), read.utf8(1), read.utf8(2), read.utf8(3), read.blob(4), prev);
        read.reset();
        write.bind(1, seq).bindBlob(2, prev).bindBlob(3, next).run();
        prev = next;
    }
    db.run("COMMIT");
}

bool sqlite3Program(const QString &database, const QString &sql)
{
    const ToolResult result =
        runTool(QStringLiteral("sqlite3"), {QStringLiteral("-batch"), QStringLiteral("-bail"), database, sql});
    if (result.status != 0)
        fprintf(stderr, "sqlite3: %s\n", result.err.constData());
    return result.status == 0;
}

} // namespace slipway::test
