#include "core/identity/remoteissuer.h"

#include "core/base/fault.h"
#include "core/base/progress.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/check.h"
#include "core/identity/name.h"
#include "core/identity/ordercheck.h"
#include "core/identity/validity.h"

#include <condition_variable>
#include <ctime>
#include <mutex>

namespace slipway {

namespace {

constexpr char cmcRa[] = "\x2b\x06\x01\x05\x05\x07\x03\x1c"; // id-kp-cmcRA, RFC 6402 section 2.10

bool hasPurpose(const CertificateView &view, QByteArrayView purpose)
{
    const auto *usage = view.extension(oid::view(oid::extendedKeyUsage));
    if (!usage)
        return false;
    der::Reader list(der::single(usage->value, der::Sequence));
    while (!list.atEnd()) {
        if (list.next(der::Oid).content == purpose)
            return true;
    }
    return false;
}

} // namespace

RemoteIssuer::RemoteIssuer(RemoteAccess access, const QString &protocol) : m_access(std::move(access))
{
    httpAddress(m_access.url);
    try {
        const CertificateView view = CertificateView::read(m_access.chain.front());
        m_name = nameText(view.subject);
        const auto attributes = nameAttributes(view.subject);
        for (const NameAttribute &attribute : attributes) {
            if (attribute.type() == u"CN")
                m_name = attribute.text();
        }
        m_name = QStringLiteral("%1 (%2)").arg(oneLine(m_name, 80), protocol);
    } catch (const der::Error &error) {
        throw Fault("issuer.certificate", {m_access.url, QStringLiteral("it ") + QString::fromLatin1(error.what)});
    }
    checkAccess();
}

HttpPeer RemoteIssuer::peer() const
{
    HttpPeer peer;
    peer.url = m_access.url;
    peer.anchors = m_access.anchors;
    peer.key = m_access.key.get();
    peer.keyChain = m_access.keyChain;
    peer.answerWithin = m_access.answerWithin;
    return peer;
}

void RemoteIssuer::checkAccess() const
{
    if (m_access.keyChain.isEmpty())
        return;
    if (const QString why = whyNoAccess(m_access.keyChain.front()); !why.isEmpty())
        throw Fault("issuer.access", {m_name, why});
}

QString RemoteIssuer::whyNoAccess(const QByteArray &certificate, bool laterIsFine) const
{
    try {
        const CertificateView view = CertificateView::read(certificate);
        const QString now = timeFromSeconds(std::time(nullptr));
        if (m_access.needsCmcRa && !hasPurpose(view, oid::view(cmcRa)))
            return QStringLiteral(
                "it does not make the station a registration authority (extended key usage cmcRA is missing)");
        if (now > timeText(view.notAfter))
            return QStringLiteral("it expired at %1").arg(timeText(view.notAfter));
        if (now < timeText(view.notBefore) && !laterIsFine)
            return QStringLiteral("it is not valid before %1; this computer's clock may be slow")
                .arg(timeText(view.notBefore));
        return {};
    } catch (const der::Error &error) {
        return QStringLiteral("it ") + QString::fromLatin1(error.what);
    }
}

void RemoteIssuer::check(const IssueOrder &order)
{
    const OrderPatterns patterns(order.profile);
    checkSerial(order.profile, patterns, order.serial);
    checkMudUrl(order.profile, patterns, order.mudUrl);
    checkRequest(order.profile, order);
}

IssuedCertificate RemoteIssuer::judge(const QByteArray &der, const IssueOrder &order) const
{
    IssuedCertificate issued;
    issued.der = der;
    issued.sha256 = ssl::sha256(der);
    try {
        const CertificateFacts facts = certificateFacts(der);
        issued.certificateSerial = facts.certificateSerial;
        issued.issuerName = facts.issuer;
        issued.notAfter = facts.notAfter;
        CertificateExpectations expected;
        expected.serial = order.serial;
        expected.mudUrl = order.mudUrl;
        expected.publicKey = order.request.publicKeyDer;
        issued.deviation = whatDoesNotHold(checkCertificate(der, order.profile, m_access.chain, expected));
    } catch (const Fault &fault) {
        issued.deviation = fault.sentence();
    }
    return issued;
}

void pauseFor(std::chrono::milliseconds span, const Task &task, const QString &note)
{
    if (task.progress)
        task.progress->setNote(note);
    std::mutex mutex;
    std::condition_variable_any wake;
    {
        std::unique_lock lock(mutex);
        wake.wait_until(lock, task.stop, task.deadline.sooner(span).at(), [] { return false; });
    }
    if (task.progress)
        task.progress->setNote(QString());
    task.check(note);
}

} // namespace slipway
