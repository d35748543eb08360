#pragma once
// A SoftHSM2 token of its own in a temporary folder, made by softhsm2-util and pkcs11-tool: not by our own code. Sets
// SOFTHSM2_CONF for this process and its children, so one at a time.

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>

namespace slipway::test {

class SoftToken
{
public:
    static constexpr const char *module = "/usr/lib/softhsm/libsofthsm2.so";

    explicit SoftToken(const QString &label = QStringLiteral("factory"), const QString &pin = QStringLiteral("1234"))
        : m_label(label), m_pin(pin)
    {
        QDir(m_folder.path()).mkdir(QStringLiteral("tokens"));
        QFile config(m_folder.filePath(QStringLiteral("softhsm2.conf")));
        if (config.open(QIODevice::WriteOnly))
            config.write("directories.tokendir = " + m_folder.filePath(QStringLiteral("tokens")).toUtf8() +
                         "\nobjectstore.backend = file\nlog.level = ERROR\n");
        config.close();
        qputenv("SOFTHSM2_CONF", config.fileName().toUtf8());
        good = run(QStringLiteral("softhsm2-util"),
                   {"--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "87654321"});
    }
    // type: "EC:prime256v1", "EC:secp384r1", "rsa:2048". And its public half as NAME.pub.pem.
    bool key(const QString &name, const QString &type, const QString &id)
    {
        return tool({"--keypairgen", "--key-type", type, "--id", id, "--label", name, "--usage-sign"});
    }
    bool tool(const QStringList &arguments)
    {
        return run(QStringLiteral("pkcs11-tool"), QStringList{"--module", QString::fromLatin1(module), "--token-label",
                                                              m_label, "--login", "--pin", m_pin} +
                                                      arguments);
    }
    // A self-signed CA certificate for the key, by openssl through the engine of libp11: NAME.pem.
    bool authority(const QString &name, const QString &digest = QStringLiteral("-sha256"))
    {
        return run(QStringLiteral("openssl"),
                   {"req", "-new", "-x509", "-engine", "pkcs11", "-keyform", "engine", "-key",
                    QStringLiteral("pkcs11:token=%1;object=%2;type=private;pin-value=%3").arg(m_label, name, m_pin),
                    "-subj", "/O=Line 1/CN=Token CA " + name, "-days", "3650", digest, "-out", path(name + ".pem"),
                    "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"});
    }
    bool run(const QString &program, const QStringList &arguments)
    {
        QProcess process;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("PKCS11_MODULE_PATH"), QString::fromLatin1(module));
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(program, arguments);
        const bool ended = process.waitForFinished(60'000);
        output = process.readAll();
        return ended && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
    }
    QString uri(const QString &key, const QString &library = QString::fromLatin1(module)) const
    {
        return QStringLiteral("pkcs11:token=%1;object=%2?module-path=%3").arg(m_label, key, library);
    }
    QString path(const QString &name) const { return m_folder.filePath(name); }
    QString folder() const { return m_folder.path(); }

    bool good = false;
    QByteArray output; // of the last program

private:
    QTemporaryDir m_folder;
    QString m_label, m_pin;
};

} // namespace slipway::test
