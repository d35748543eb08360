#pragma once
// An EST server after RFC 7030, strictly: https only, a client certificate that leads to the authority and says cmcRA,
// requests of the right type in base64 whose signature holds; anything else is refused as the document says. What it
// answers is packed by the openssl program (crl2pkcs7).

#include "core/identity/check.h"
#include "core/identity/fileissuer.h"
#include "tests/support/httpserver.h"

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>

#include <openssl/pem.h>

#include <atomic>
#include <functional>
#include <memory>

namespace slipway::test {

class EstServer
{
public:
    enum class Fault {
        None,
        LoseAnswer,  // once: it issues, and the connection breaks
        Defer,       // 202 with Retry-After: 1, twice
        Refuse,      // 400
        OtherKey,    // issues for another key
        Garbage,     // 200 with what is no PKCS#7
        Cut,         // half an answer
        HoldAnswer,  // it issues, and the answer never comes
        Redirect,    // 302 to somewhere else
        Unavailable, // 503
        Silent
    };

    // authority: chain that is given out, PEM; server key and certificate: PEM files; issuer: signs.
    EstServer(const QString &authority, const QString &serverKey, const QString &serverCertificate, FileIssuer &issuer,
              Profile profile, const QString &mudUrl, int port = 0)
        : m_issuer(issuer), m_profile(std::move(profile)), m_mudUrl(mudUrl)
    {
        m_authority = packed(authority);
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate_chain_file(tls, QFile::encodeName(serverCertificate).constData());
        SSL_CTX_use_PrivateKey_file(tls, QFile::encodeName(serverKey).constData(), SSL_FILETYPE_PEM);
        SSL_CTX_load_verify_file(tls, QFile::encodeName(authority).constData());
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr); // /cacerts is for everybody
        SSL_CTX_set_session_id_context(tls, reinterpret_cast<const unsigned char *>("est"), 3);
        m_server =
            std::make_unique<HttpServer>([this](const ServedRequest &request) { return answer(request); }, tls, port);
    }
    QString url() const { return QStringLiteral("https://localhost:%1").arg(m_server->port()); }
    int port() const { return m_server->port(); }

    std::atomic<Fault> fault{Fault::None};
    std::atomic<int> issued{0}, deferred{0}, enrolled{0}, renewed{0};
    std::atomic<bool> undecided{false};    // 202 with Retry-After: 1, as long as this holds
    std::function<void()> beforeAnswer{};  // after it has issued; set it before the first request
    std::atomic<bool> bareRenewals{false}; // without the extensions that were asked for
    QByteArray lastIssued()                // DER
    {
        const std::lock_guard lock(m_mutex);
        return m_last;
    }
    QString renewals;      // NAME of NAME.key and NAME.pem, which sign what simplereenroll asks for
    QByteArray attributes; // of /csrattrs, DER; empty: 204

private:
    static ServedAnswer plain(int status, const QByteArray &text)
    {
        ServedAnswer answer;
        answer.status = status;
        answer.type = "text/plain";
        answer.body = text;
        return answer;
    }
    QByteArray packed(const QString &pem)
    {
        QProcess openssl;
        openssl.start(QStringLiteral("openssl"), {"crl2pkcs7", "-nocrl", "-certfile", pem, "-outform", "DER"});
        openssl.waitForFinished(30'000);
        return openssl.readAllStandardOutput().toBase64();
    }
    static bool isRegistrationAuthority(X509 *client)
    {
        const auto usage =
            static_cast<EXTENDED_KEY_USAGE *>(X509_get_ext_d2i(client, NID_ext_key_usage, nullptr, nullptr));
        bool found = false;
        for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage); ++i)
            found = found || OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i)) == NID_cmcRA;
        EXTENDED_KEY_USAGE_free(usage);
        return found;
    }
    ServedAnswer certificates(const QByteArray &body)
    {
        ServedAnswer answer;
        answer.type = "application/pkcs7-mime; smime-type=certs-only";
        answer.headers.insert("Content-Transfer-Encoding", "base64");
        answer.body = body;
        return answer;
    }
    ServedAnswer answer(const ServedRequest &request)
    {
        if (!request.path.startsWith("/.well-known/est/"))
            return plain(404, "no such thing");
        const QByteArray function = request.path.mid(17);
        if (function == "cacerts")
            return request.method == "GET" ? certificates(m_authority) : plain(405, "GET only");
        if (!request.client || !isRegistrationAuthority(request.client))
            return plain(403, "no registration authority");
        if (function == "csrattrs") {
            ServedAnswer answer;
            answer.status = attributes.isEmpty() ? 204 : 200;
            answer.type = "application/csrattrs";
            answer.body = attributes.toBase64();
            return answer;
        }
        if (function != "simpleenroll" && function != "simplereenroll")
            return plain(404, "no such function");
        if (request.method != "POST")
            return plain(405, "POST only");
        if (request.headers.value("content-type") != "application/pkcs10")
            return plain(415, "application/pkcs10 only");
        if (request.headers.value("content-transfer-encoding").toLower() != "base64")
            return plain(400, "base64 only");
        ++enrolled;
        return function == "simplereenroll" ? renew(request.body, request.client) : enroll(request.body);
    }
    // RFC 7030 section 4.2.2: subject and subjectAltName are those of the certificate that the client shows.
    ServedAnswer renew(QByteArray body, X509 *client)
    {
        body.replace("\r\n", "");
        const QByteArray der = QByteArray::fromBase64(body);
        const auto *p = reinterpret_cast<const unsigned char *>(der.constData());
        X509_REQ *csr = d2i_X509_REQ(nullptr, &p, long(der.size()));
        const bool same =
            csr && X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1 &&
            X509_NAME_cmp(X509_REQ_get_subject_name(csr), X509_get_subject_name(client)) == 0 &&
            EVP_PKEY_eq(X509_REQ_get0_pubkey(csr), X509_get0_pubkey(client)) != 1; // a new key, in this test
        X509_REQ_free(csr);
        if (!same)
            return plain(400, "not a renewal of that certificate");
        QFile request(m_folder.filePath(QStringLiteral("renew.der")));
        if (!request.open(QIODevice::WriteOnly))
            return plain(500, "no room");
        request.write(der);
        request.close();
        const QString made = m_folder.filePath(QStringLiteral("renewed.pem"));
        QProcess openssl;
        openssl.start(QStringLiteral("openssl"), {"x509", "-req", "-inform", "DER", "-in", request.fileName(), "-CA",
                                                  renewals + ".pem", "-CAkey", renewals + ".key", "-copy_extensions",
                                                  bareRenewals ? "none" : "copy", "-days", "60", "-out", made});
        openssl.waitForFinished(30'000);
        if (openssl.exitCode() != 0)
            return plain(500, openssl.readAllStandardError());
        ++renewed;
        return certificates(packed(made));
    }
    ServedAnswer enroll(QByteArray body)
    {
        body.replace("\r\n", "");
        const auto der = QByteArray::fromBase64Encoding(body, QByteArray::AbortOnBase64DecodingErrors);
        if (!der)
            return plain(400, "no base64");
        const auto *p = reinterpret_cast<const unsigned char *>(der.decoded.constData());
        X509_REQ *csr = d2i_X509_REQ(nullptr, &p, long(der.decoded.size()));
        const bool signedWell = csr && X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1;
        X509_REQ_free(csr);
        if (!signedWell)
            return plain(400, "the request's signature does not hold");
        switch (fault.load()) {
        case Fault::Refuse:
            return plain(400, "not this one");
        case Fault::Unavailable:
            return plain(503, "later");
        case Fault::Redirect: {
            ServedAnswer away = plain(302, "");
            away.headers.insert("Location", "https://localhost:1/.well-known/est/simpleenroll");
            return away;
        }
        case Fault::Silent: {
            ServedAnswer none;
            none.silent = true;
            return none;
        }
        case Fault::Defer:
            if (++deferred <= 2) {
                ServedAnswer later = plain(202, "");
                later.headers.insert("Retry-After", "1");
                return later;
            }
            break;
        case Fault::Garbage: {
            ServedAnswer wrong = certificates("bm8gUEtDUyM3");
            return wrong;
        }
        default:
            break;
        }
        if (undecided) {
            ++deferred;
            ServedAnswer later = plain(202, "");
            later.headers.insert("Retry-After", "1");
            return later;
        }
        IssueOrder order;
        order.request = CertificateRequest::parse(der.decoded);
        order.profile = m_profile;
        order.serial = order.request.serialNumber;
        order.mudUrl = m_mudUrl;
        if (fault == Fault::OtherKey) {
            EVP_PKEY *other = EVP_EC_gen("P-256");
            unsigned char *bytes = nullptr;
            const int length = i2d_PUBKEY(other, &bytes);
            order.request.publicKeyDer = QByteArray(reinterpret_cast<const char *>(bytes), length);
            OPENSSL_free(bytes);
            EVP_PKEY_free(other);
        }
        const QString file = m_folder.filePath(QStringLiteral("issued.pem"));
        QFile out(file);
        if (!out.open(QIODevice::WriteOnly))
            return plain(500, "no room");
        const QByteArray made = m_issuer.issue(order, Task{}).der;
        out.write(certificateToPem(made));
        out.close();
        {
            const std::lock_guard lock(m_mutex);
            m_last = made;
        }
        ++issued;
        ServedAnswer answer = certificates(packed(file));
        if (beforeAnswer)
            beforeAnswer();
        if (fault == Fault::HoldAnswer) {
            fault = Fault::None;
            answer.silent = true;
        }
        if (fault == Fault::LoseAnswer) {
            fault = Fault::None;
            answer.drop = true;
        }
        if (fault == Fault::Cut)
            answer.cutAfter = answer.body.size() / 2;
        return answer;
    }

    FileIssuer &m_issuer;
    Profile m_profile;
    QString m_mudUrl;
    QByteArray m_authority;
    std::mutex m_mutex;
    QByteArray m_last;
    QTemporaryDir m_folder;
    std::unique_ptr<HttpServer> m_server;
};

} // namespace slipway::test
