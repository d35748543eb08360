#pragma once
// Keys and certificates for tests of DTLS, made by the openssl program in a folder: not by our own code.

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>

#include <optional>

namespace slipway::test {

class OpensslPki
{
public:
    // "NAME.pem" and "NAME.key", self-signed, a certificate authority.
    bool authority(const QString &name)
    {
        return run({"req",
                    "-x509",
                    "-new",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-keyout",
                    path(name + ".key"),
                    "-out",
                    path(name + ".pem"),
                    "-days",
                    "30",
                    "-subj",
                    "/CN=" + name,
                    "-addext",
                    "basicConstraints=critical,CA:TRUE",
                    "-addext",
                    "keyUsage=critical,keyCertSign"});
    }
    // The same, signed by that authority; more: lines of an extension file; key: as openssl req -newkey takes it.
    bool certificate(const QString &name, const QString &authority, const QString &subject, const QString &more,
                     const QStringList &validity = {"-days", "30"},
                     const QStringList &key = {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"})
    {
        QFile file(path(name + ".ext"));
        if (!file.open(QIODevice::WriteOnly))
            return false;
        file.write(more.toUtf8());
        file.close();
        return run(QStringList{"req", "-new", "-newkey"} + key +
                   QStringList{"-nodes", "-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj",
                               subject}) &&
               run(QStringList{"x509", "-req", "-in", path(name + ".csr"), "-CA", path(authority + ".pem"), "-CAkey",
                               path(authority + ".key"), "-CAcreateserial", "-out", path(name + ".pem"), "-extfile",
                               path(name + ".ext")} +
                   validity);
    }
    bool run(const QStringList &arguments)
    {
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(QStringLiteral("openssl"), arguments);
        const bool ended = process.waitForFinished(30'000);
        output = process.readAll();
        return ended && process.exitCode() == 0;
    }
    QString write(const QString &name, const QByteArray &content, bool secret = true)
    {
        QFile file(path(name));
        if (!file.open(QIODevice::WriteOnly))
            return {};
        if (secret)
            file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
        file.write(content);
        return file.fileName();
    }
    QByteArray content(const QString &name) const
    {
        QFile file(path(name));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    QString path(const QString &name) const { return m_folder.filePath(name); }

    QByteArray output; // of the last program

private:
    QTemporaryDir m_folder;
};

} // namespace slipway::test
