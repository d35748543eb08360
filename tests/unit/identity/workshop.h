#pragma once
// What the tests of the identity room need again and again: a CA in a temporary folder, a profile, an order.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/identity/authority.h"
#include "core/identity/fileissuer.h"
#include "tests/support/requests.h"

#include <QTemporaryDir>

#include <functional>

namespace slipway::test {

// The code of the fault that the function throws, "" when it throws none.
inline QByteArray faultOf(const std::function<void()> &function, QString *sentence = nullptr)
{
    try {
        function();
    } catch (const Fault &fault) {
        if (sentence)
            *sentence = fault.sentence();
        return fault.code();
    }
    return {};
}

inline Profile t1Profile()
{
    const QString file = QStringLiteral(SLIPWAY_SOURCE_DIR "/app/samples/profiles/t1.yaml");
    return Profile::parse(readFile(file, 65536, QStringLiteral("a profile")), file);
}

class Workshop
{
public:
    Workshop()
    {
        const KeyAndCertificate ca = createDeviceCa(QStringLiteral("Line 1"), {});
        writeFile(path("ca.key"), ca.keyPem, Access::OwnerOnly);
        writeFile(path("ca.pem"), ca.certificatePem);
    }
    QString path(const char *name) const { return m_folder.filePath(QString::fromLatin1(name)); }
    QString folder() const { return m_folder.path(); }
    std::unique_ptr<FileIssuer> issuer() const { return FileIssuer::open(path("ca.key"), path("ca.pem")); }

    static IssueOrder order(const QString &serial, EVP_PKEY *key)
    {
        IssueOrder order;
        order.request = CertificateRequest::parse(makeRequest(key, serial));
        order.profile = t1Profile();
        order.serial = serial;
        order.mudUrl = QStringLiteral("https://mud.example/t1/1.4.json");
        return order;
    }
    static IssueOrder order(const QString &serial) { return order(serial, newTestKey().get()); }

private:
    QTemporaryDir m_folder;
};

} // namespace slipway::test
