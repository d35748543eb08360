#include "core/identity/fileissuer.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/crl.h"
#include "core/identity/keyfile.h"
#include "core/identity/layout.h"
#include "core/identity/name.h"
#include "core/identity/ordercheck.h"
#include "core/identity/signingkey.h"
#include "core/identity/token.h"
#include "core/identity/validity.h"
#include "core/identity/verifysignature.h"
#include "core/mud/mudurl.h"

#include <QRegularExpression>

#include <openssl/rand.h>

#include <algorithm>
#include <ctime>
#include <thread>
#include <vector>

namespace slipway {

namespace {

constexpr size_t maximumLayouts = 32;

// A profile made ready: its layout, its patterns compiled, and the validity that holds within this second.
struct Prepared {
    CertificateLayout layout;
    OrderPatterns patterns;

    Prepared(const Profile &profile, QByteArrayView issuerName, QByteArrayView issuerKeyId, QByteArrayView algorithm)
        : layout(profile, issuerName, issuerKeyId, algorithm), patterns(profile)
    {}
};

// Reads what was made with the reader that judges other people's certificates, and holds it against the order.
void checkMade(const QByteArray &der, const IssueOrder &order, const QByteArray &certificateSerial,
               const CertificateLayout::Validity &validity, QByteArrayView issuerName)
{
    const char *wrong = nullptr;
    try {
        const CertificateView view = CertificateView::read(der);
        const auto attributes = nameAttributes(view.subject);
        const auto *mud = view.extension(oid::view(oid::mudUrl));
        if (der::unsignedInteger(certificateSerial) != der::tlv(der::Integer, view.serial))
            wrong = "serial";
        else if (view.publicKey != QByteArrayView(order.request.publicKeyDer))
            wrong = "public key";
        else if (view.issuer != issuerName)
            wrong = "issuer";
        else if (attributes.isEmpty() || attributes.back().oid != oid::view(oid::serialNumber) ||
                 attributes.back().value != QByteArrayView(order.serial.toLatin1()))
            wrong = "subject serialNumber";
        else if (timeText(view.notAfter) != validity.notAfter)
            wrong = "notAfter";
        else if (order.mudUrl.isEmpty() != !mud ||
                 (mud && mud->value != QByteArrayView(der::tlv(der::Ia5String, order.mudUrl.toLatin1()))))
            wrong = "MUD URL";
    } catch (const der::Error &error) {
        wrong = error.what;
    }
    if (wrong)
        throw Fault("issuer.defect", {QString::fromLatin1(wrong)}, hex(der));
}

} // namespace

bool Issuer::revoke(const QByteArray &, const QString &, const Task &)
{
    return false;
}

QByteArray newCertificateSerial()
{
    // 128 bits: positive whatever the first one is, and never empty. Drawn many at a time, since a draw costs the same
    // for one or for a hundred.
    constexpr qsizetype bytes = 16;
    static thread_local QByteArray drawn;
    QByteArray serial;
    do {
        if (drawn.size() < bytes) {
            drawn.resize(64 * bytes);
            if (RAND_bytes(reinterpret_cast<unsigned char *>(drawn.data()), int(drawn.size())) != 1) {
                drawn.clear();
                throw Fault("issuer.sign", {}, ssl::errors());
            }
        }
        serial = drawn.last(bytes);
        drawn.chop(bytes);
    } while (serial[0] == 0);
    return serial;
}

struct FileIssuer::Private {
    std::unique_ptr<Signer> signer;
    QList<QByteArray> chain;
    QList<QList<QByteArray>> formerChains;
    std::optional<QuotaBook> quotas;
    QByteArray issuerName, keyId;
    QString issuerText, notBefore, commonName;

    std::mutex mutex;
    std::vector<std::shared_ptr<const Prepared>> prepared;
    // Of the profile used last: validity for the second it was made in, and the MUD URL that was checked last.
    qint64 at = 0;
    const Prepared *of = nullptr;
    CertificateLayout::Validity validity;
    QString mudUrl;
    QByteArray mudExtension;

    struct Ready {
        std::shared_ptr<const Prepared> prepared;
        CertificateLayout::Validity validity;
        QByteArray mudExtension;
    };
    Ready prepare(const Profile &profile, const QString &url);
};

FileIssuer::Private::Ready FileIssuer::Private::prepare(const Profile &profile, const QString &url)
{
    const std::lock_guard lock(mutex);
    const auto same = [&](const auto &p) { return p->layout.profile() == profile; };
    auto found = std::find_if(prepared.begin(), prepared.end(), same);
    if (found == prepared.end()) {
        if (prepared.size() >= maximumLayouts) {
            prepared.clear();
            of = nullptr;
        }
        prepared.push_back(std::make_shared<const Prepared>(profile, issuerName, keyId, signer->algorithm()));
        found = prepared.end() - 1;
    }
    const bool other = of != found->get();
    of = nullptr; // until all that follows is as it should be
    const qint64 now = std::time(nullptr);
    if (other || at != now) {
        validity = (*found)->layout.validityAt(now, notBefore);
        at = now;
    }
    if (other || mudUrl != url) {
        checkMudUrl((*found)->layout.profile(), (*found)->patterns, url);
        mudExtension = url.isEmpty() ? QByteArray() : CertificateLayout::mudExtension(url);
        mudUrl = url;
    }
    of = found->get();
    return {*found, validity, mudExtension};
}

FileIssuer::FileIssuer(std::unique_ptr<Private> p) : d(std::move(p)) {}
FileIssuer::~FileIssuer() = default;

std::unique_ptr<FileIssuer> FileIssuer::open(const QString &keyPath, const QString &certificatePath,
                                             const QByteArray &passphrase, const SecretSource &pin)
{
    auto p = std::make_unique<Private>();
    const auto bad = [&](const QString &why) { return Fault("issuer.certificate", {certificatePath, why}); };
    try {
        p->chain = certificatesFromPem(readFile(certificatePath, 256 * 1024, QStringLiteral("a certificate chain")));
    } catch (const Fault &fault) {
        throw Fault("issuer.certificate", {certificatePath, QStringLiteral("it holds no certificate in PEM form")},
                    fault.sentence());
    }
    try {
        const CertificateView view = CertificateView::read(p->chain.front());
        p->signer = Signer::open(keyPath, passphrase, pin, view.publicKey.toByteArray());
        if (publicKeyInfo(p->signer->key()) != view.publicKey.toByteArray())
            throw Fault("issuer.mismatch", {keyPath, certificatePath});
        p->issuerName = view.subject.toByteArray();
        p->issuerText = nameText(view.subject);
        p->notBefore = timeText(view.notBefore);
        const auto attributes = nameAttributes(view.subject);
        for (const NameAttribute &attribute : attributes) {
            if (attribute.type() == u"CN")
                p->commonName = attribute.text();
        }
        const auto *constraints = view.extension(oid::view(oid::basicConstraints));
        const auto *usage = view.extension(oid::view(oid::keyUsage));
        der::Reader ca(der::single(constraints ? constraints->value : QByteArrayView("\x30\x00", 2), der::Sequence));
        if (!ca.nextIs(der::Boolean))
            throw bad(QStringLiteral("it is not that of a CA"));
        // Behind the count of unused bits; keyCertSign is bit 5.
        const QByteArrayView bits = usage ? der::single(usage->value, der::BitString).content : QByteArrayView();
        if (usage && (bits.size() < 2 || !(quint8(bits[1]) & 0x04)))
            throw bad(QStringLiteral("its key usage does not allow to issue certificates"));
        const auto *ski = view.extension(oid::view(oid::subjectKeyIdentifier));
        if (!ski)
            throw bad(QStringLiteral("it has no subject key identifier"));
        p->keyId = der::single(ski->value, der::OctetString).content.toByteArray();
    } catch (const der::Error &error) {
        throw bad(QStringLiteral("it ") + QString::fromLatin1(error.what));
    }
    std::unique_ptr<FileIssuer> issuer(new FileIssuer(std::move(p)));
    issuer->checkHealth();
    return issuer;
}

QString FileIssuer::name() const
{
    const QString own = d->commonName.isEmpty() ? d->issuerText : d->commonName;
    return d->signer->token() ? QStringLiteral("%1 (token %2)").arg(own, d->signer->token()->tokenLabel())
                              : QStringLiteral("%1 (file)").arg(own);
}

// A token computes while this processor waits; with a key in a file, the processor's other cores do, but for the one
// that the journal needs.
int FileIssuer::parallelism() const
{
    return d->signer->token() ? 4 : std::clamp(int(std::thread::hardware_concurrency()) - 1, 1, 8);
}

QList<QByteArray> FileIssuer::chain() const
{
    return d->chain;
}

void FileIssuer::checkHealth() const
{
    const QByteArray message = newChallenge();
    const QByteArray publicKey = CertificateView::read(d->chain.front()).publicKey.toByteArray();
    if (!verifyAlgorithm(publicKey, keyTypeOf(publicKey), d->signer->algorithm(), message, d->signer->sign(message)))
        throw Fault("issuer.mismatch", {name(), QStringLiteral("its certificate")});
    const CertificateView view = CertificateView::read(d->chain.front());
    const QString now = timeFromSeconds(std::time(nullptr));
    if (now < timeText(view.notBefore) || now > timeText(view.notAfter)) {
        throw Fault(
            "issuer.certificate",
            {d->issuerText,
             QStringLiteral("it is valid from %1 to %2 only").arg(timeText(view.notBefore), timeText(view.notAfter))});
    }
}

IssuedCertificate FileIssuer::issue(const IssueOrder &order, const Task &task)
{
    task.check(QStringLiteral("Issuing the certificate"));
    const auto [prepared, validity, mudExtension] = d->prepare(order.profile, order.mudUrl);
    const Profile &profile = prepared->layout.profile();
    checkSerial(profile, prepared->patterns, order.serial);
    checkRequest(profile, order);

    const QByteArray serial = order.certificateSerial.isEmpty() ? newCertificateSerial() : order.certificateSerial;
    if (serial.size() > 20 || (serial.size() == 20 && quint8(serial[0]) >= 0x80) || serial.count('\0') == serial.size())
        throw Fault("issuer.defect", {QStringLiteral("serial")});
    const QByteArray tbs = prepared->layout.tbs(order, serial, validity, mudExtension);
    const QByteArray signature = d->signer->sign(tbs);
    const QByteArray algorithm = d->signer->algorithm();
    const qsizetype bits = signature.size() + 1;
    const qsizetype bytes = tbs.size() + algorithm.size() + der::headerSize(bits) + bits;

    IssuedCertificate issued;
    issued.der.reserve(bytes + 5);
    der::appendHeader(issued.der, der::Sequence, bytes);
    issued.der += tbs;
    issued.der += algorithm;
    der::appendHeader(issued.der, der::BitString, bits);
    issued.der += '\0';
    issued.der += signature;
    if (profile.maximumDerBytes > 0 && issued.der.size() > profile.maximumDerBytes) {
        throw Fault("identity.too-large",
                    {QString::number(issued.der.size()), profile.name, QString::number(profile.maximumDerBytes)});
    }
    checkMade(issued.der, order, serial, validity, d->issuerName);
    issued.certificateSerial = hex(serial);
    issued.sha256 = ssl::sha256(issued.der);
    issued.issuerName = d->issuerText;
    issued.notAfter = validity.notAfter;
    return issued;
}

QList<QByteArray> FileIssuer::chainFor(const QByteArray &certificate) const
{
    return chainOf(certificate, QList<QList<QByteArray>>{d->chain} + d->formerChains);
}

void FileIssuer::setFormerChains(const QList<QList<QByteArray>> &chains)
{
    d->formerChains = chains;
}

const QuotaBook *FileIssuer::quotas() const
{
    return d->quotas ? &*d->quotas : nullptr;
}

void FileIssuer::setQuotas(QuotaBook book)
{
    d->quotas = std::move(book);
}

QByteArray FileIssuer::crl(const QList<CrlEntry> &revoked, qint64 number, int days) const
{
    CrlForm form;
    form.number = number;
    form.at = std::time(nullptr);
    form.seconds = qint64(days) * 86400;
    return crl(revoked, form);
}

QByteArray FileIssuer::crl(const QList<CrlEntry> &revoked, const CrlForm &form) const
{
    return buildCrl(*d->signer, d->issuerName, d->keyId, revoked, form);
}

} // namespace slipway
