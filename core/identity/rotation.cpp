#include "core/identity/rotation.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <fcntl.h>
#include <unistd.h>

namespace slipway {

namespace {

constexpr qint64 fileLimit = 256 * 1024;

void syncFolder(const QString &path)
{
    const int fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

QString formerFolder(const QString &keysFolder)
{
    return keysFolder + QStringLiteral("/former");
}

void makeOwnFolder(const QString &path)
{
    if (!QDir().mkpath(path))
        throw Fault("file.unwritable", {path, QStringLiteral("the folder could not be made")});
    QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
}

} // namespace

QString shortKeyId(const QByteArray &certificate)
{
    return hex(certificateFacts(certificate).subjectKeyId.left(4));
}

QList<FormerCa> formerCas(const QString &keysFolder, const QString &name)
{
    QList<FormerCa> list;
    const auto folders =
        QDir(formerFolder(keysFolder))
            .entryInfoList({name + QStringLiteral("-*")}, QDir::Dirs | QDir::NoDotAndDotDot, QDir::Time);
    for (const QFileInfo &folder : folders) {
        FormerCa ca;
        ca.folder = folder.filePath();
        ca.keyPath = ca.folder + QStringLiteral("/ca.key");
        if (const QString place = ca.folder + QStringLiteral("/ca.uri"); QFileInfo::exists(place))
            ca.keyPath = QString::fromUtf8(readFile(place, fileLimit, QStringLiteral("the name of a key")).trimmed());
        ca.certificatePath = ca.folder + QStringLiteral("/ca.pem");
        ca.chain = certificatesFromPem(readFile(ca.certificatePath, fileLimit, QStringLiteral("a certificate chain")));
        ca.id = shortKeyId(ca.chain.front());
        list << ca;
    }
    return list;
}

Rotation::Rotation(const QString &keysFolder, const QString &name, const QByteArray &passphrase, const QString &keyType)
    : m_keys(keysFolder), m_name(name)
{
    const QString keyPath = keysFolder + u'/' + name + QStringLiteral(".key");
    const QString certificatePath = keysFolder + u'/' + name + QStringLiteral(".pem");
    NextCa next = createNextCa(keyPath, certificatePath, passphrase, keyType);
    m_newCertificate = certificatesFromPem(next.ca.certificatePem).front();
    QByteArray oldKey = readFile(keyPath, fileLimit, QStringLiteral("a private key"));
    const QByteArray oldPem = readFile(certificatePath, fileLimit, QStringLiteral("a certificate chain"));
    m_oldId = shortKeyId(certificatesFromPem(oldPem).front());
    m_newId = shortKeyId(m_newCertificate);
    begin();
    const auto write = [this](const char *file, const QByteArray &content, Access access = Access::Everybody) {
        writeFile(m_folder + u'/' + QLatin1String(file), content, access);
    };
    try {
        write("ca.key", oldKey, Access::OwnerOnly);
        write("ca.pem", oldPem);
        write("old-with-new.pem", next.oldWithNew);
        write("new-with-old.pem", next.newWithOld);
        write("next.key", next.ca.keyPem, Access::OwnerOnly);
        write("next.pem", next.ca.certificatePem);
    } catch (...) {
        cleanse(oldKey);
        cleanse(next.ca.keyPem);
        QDir(m_folder).removeRecursively();
        throw;
    }
    cleanse(oldKey);
    cleanse(next.ca.keyPem);
}

Rotation::Rotation(const QString &keysFolder, const QString &name, const QString &oldKey,
                   const QString &certificatePath, const QString &newKey, const SecretSource &pin)
    : m_keys(keysFolder), m_name(name)
{
    const NextCa next = createNextCa(oldKey, certificatePath, {}, newKey, pin);
    const QByteArray oldPem = readFile(certificatePath, fileLimit, QStringLiteral("a certificate chain"));
    m_newCertificate = certificatesFromPem(next.ca.certificatePem).front();
    m_oldId = shortKeyId(certificatesFromPem(oldPem).front());
    m_newId = shortKeyId(m_newCertificate);
    if (m_newId == m_oldId)
        throw Fault("issuer.key", {newKey, QStringLiteral("it is the key that issues already")});
    begin();
    try {
        writeFile(m_folder + QStringLiteral("/ca.uri"), oldKey.toUtf8() + '\n');
        writeFile(m_folder + QStringLiteral("/ca.pem"), oldPem);
        writeFile(m_folder + QStringLiteral("/old-with-new.pem"), next.oldWithNew);
        writeFile(m_folder + QStringLiteral("/new-with-old.pem"), next.newWithOld);
    } catch (...) {
        QDir(m_folder).removeRecursively();
        throw;
    }
}

// The folder that nobody looks at yet.
void Rotation::begin()
{
    makeOwnFolder(formerFolder(m_keys));
    m_folder = formerFolder(m_keys) + QStringLiteral("/.new-%1-%2").arg(m_name, m_oldId);
    QDir(m_folder).removeRecursively(); // of a rotation that came to nothing
    makeOwnFolder(m_folder);
}

Rotation::~Rotation()
{
    if (!m_folder.isEmpty())
        QDir(m_folder).removeRecursively();
}

void Rotation::commit()
{
    const QString target = formerFolder(m_keys) + QStringLiteral("/%1-%2").arg(m_name, m_oldId);
    syncFolder(m_folder);
    if (!QDir().rename(m_folder, target))
        throw Fault("file.unwritable", {target, QStringLiteral("it cannot be put in its place")});
    m_folder.clear();
    syncFolder(formerFolder(m_keys));
    finishRotation(m_keys, m_name);
}

void finishRotation(const QString &keysFolder, const QString &name)
{
    const auto folders =
        QDir(formerFolder(keysFolder)).entryInfoList({name + QStringLiteral("-*")}, QDir::Dirs | QDir::NoDotAndDotDot);
    for (const QFileInfo &folder : folders) {
        const QString key = folder.filePath() + QStringLiteral("/next.key");
        const QString certificate = folder.filePath() + QStringLiteral("/next.pem");
        if (!QFileInfo::exists(key) || !QFileInfo::exists(certificate))
            continue;
        // Each is replaced as a whole; the key goes last and takes the mark with it, so this can be cut off anywhere.
        QByteArray pem = readFile(key, fileLimit, QStringLiteral("a private key"));
        writeFile(keysFolder + u'/' + name + QStringLiteral(".pem"),
                  readFile(certificate, fileLimit, QStringLiteral("a certificate")));
        writeFile(keysFolder + u'/' + name + QStringLiteral(".key"), pem, Access::OwnerOnly);
        cleanse(pem);
        QFile::remove(key);
        QFile::remove(certificate);
        syncFolder(folder.filePath());
    }
}

} // namespace slipway
