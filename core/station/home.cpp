#include "core/station/home.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"
#include "core/identity/fileissuer.h"
#include "core/identity/pkcs11uri.h"
#include "core/identity/rotation.h"
#include "core/identity/signingkey.h"
#include "core/journal/queries.h"
#include "core/station/stationconfig.h"

#include <QCborArray>
#include <QCborMap>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QStandardPaths>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace slipway {

namespace {

constexpr qint64 configLimit = 256 * 1024;
constexpr qint64 keyLimit = 64 * 1024;
constexpr qint64 sampleLimit = 16 * 1024 * 1024;

class StationSigner : public JournalSigner
{
public:
    explicit StationSigner(std::unique_ptr<SigningKey> key) : m_key(std::move(key)) {}
    QByteArray sign(const QByteArray &message) const override { return m_key->sign(message); }
    QByteArray publicKeyDer() const override { return m_key->certificate(); }

private:
    std::unique_ptr<SigningKey> m_key;
};

QString reason()
{
    return QString::fromLocal8Bit(std::strerror(errno));
}

void makeFolder(const QString &path, mode_t access)
{
    if (::mkdir(QFile::encodeName(path).constData(), access) != 0)
        throw Fault("file.unwritable", {path, reason()});
}

void syncFolder(const QString &path)
{
    const int fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        ::fsync(fd);
        ::close(fd);
    }
}

// A temporary folder beside the final one; removed unless it was moved there.
class NewFolder
{
public:
    explicit NewFolder(const QString &finalPath)
    {
        const QFileInfo info(finalPath);
        QByteArray name = QFile::encodeName(info.path() + QStringLiteral("/.slipway-new-XXXXXX"));
        if (!::mkdtemp(name.data()))
            throw Fault("file.unwritable", {info.path(), reason()});
        m_path = QFile::decodeName(name);
    }
    NewFolder(const NewFolder &) = delete;
    NewFolder &operator=(const NewFolder &) = delete;
    ~NewFolder()
    {
        if (!m_path.isEmpty())
            QDir(m_path).removeRecursively();
    }
    QString path() const { return m_path; }
    // An empty folder may stand under the final name; anything else there makes this fail.
    void moveTo(const QString &finalPath)
    {
        if (::rename(QFile::encodeName(m_path).constData(), QFile::encodeName(finalPath).constData()) != 0) {
            if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
                throw Fault("home.occupied", {finalPath});
            throw Fault("file.unwritable", {finalPath, reason()});
        }
        m_path.clear();
    }

private:
    QString m_path;
};

void copySamples(const QString &from, const QString &to)
{
    QDirIterator it(from, QDir::Files, QDirIterator::Subdirectories);
    while (it.hasNext()) {
        const QString source = it.next();
        const QString target = to + source.mid(from.size());
        if (!QDir().mkpath(QFileInfo(target).path()))
            throw Fault("file.unwritable", {target, QStringLiteral("the folder could not be made")});
        writeFile(target, readFile(source, sampleLimit, QStringLiteral("a sample")));
    }
}

void writeKeys(const QString &folder, const QString &stationName, const QByteArray &passphrase)
{
    const auto write = [&folder](const QString &name, KeyAndCertificate pair) {
        writeFile(folder + u'/' + name + QStringLiteral(".key"), pair.keyPem, Access::OwnerOnly);
        writeFile(folder + u'/' + name + QStringLiteral(".pem"), pair.certificatePem);
        cleanse(pair.keyPem);
    };
    write(QStringLiteral("issuer"), createDeviceCa(stationName, passphrase));
    write(QStringLiteral("training"), createTrainingCa(stationName, passphrase));
    StationKeys station = createStationKeys(stationName, passphrase);
    write(QStringLiteral("station"), station.station);
    // The CA above the station's key signs once. Its own key is not kept, so nobody can make a second station under it.
    writeFile(folder + QStringLiteral("/station-ca.pem"), station.ca.certificatePem);
    cleanse(station.ca.keyPem);
    cleanse(station.station.keyPem);
}

} // namespace

QString Home::defaultPath()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + QStringLiteral("/slipway");
}

bool Home::exists(const QString &path)
{
    return QFileInfo::exists(path + QStringLiteral("/station.yaml"));
}

Home Home::create(const QString &path, const QString &stationName, const QString &samplesFolder,
                  const QByteArray &passphrase)
{
    const QString target = QDir::cleanPath(QFileInfo(path).absoluteFilePath());
    const QFileInfo info(target);
    if (exists(target))
        throw Fault("home.exists", {target});
    if (info.exists() &&
        (!info.isDir() || !QDir(target).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::System | QDir::NoDotAndDotDot)))
        throw Fault("home.occupied", {target});
    const QString name = oneLine(stationName.trimmed(), 60);
    if (name.isEmpty() || name != stationName.trimmed())
        throw Fault("home.name", {oneLine(stationName, 80)});
    if (!QDir().mkpath(info.path()))
        throw Fault("file.unwritable", {info.path(), QStringLiteral("the folder could not be made")});

    NewFolder folder(target);
    try {
        fill(folder.path(), name, samplesFolder, passphrase);
    } catch (const Fault &fault) {
        // The folder it names has another name, and is gone.
        throw Fault("home.not-made", {target, fault.sentence().replace(folder.path(), target)}, fault.detail());
    }
    folder.moveTo(target);
    syncFolder(info.path());
    return open(target, passphrase);
}

// Everything that a home holds, in a folder that is there.
void Home::fill(const QString &folder, const QString &name, const QString &samplesFolder, const QByteArray &passphrase)
{
    for (const char *sub : {"recipes", "profiles", "vault", "labels"})
        makeFolder(folder + u'/' + QLatin1String(sub), 0755);
    makeFolder(folder + QStringLiteral("/keys"), 0700);
    writeKeys(folder + QStringLiteral("/keys"), name, passphrase);
    copySamples(samplesFolder, folder);
    writeFile(folder + QStringLiteral("/station.yaml"), newStationConfig(name));
    const auto at = [&folder](const char *file) { return folder + u'/' + QLatin1String(file); };
    const auto signer =
        std::make_shared<StationSigner>(SigningKey::open(at("keys/station.key"), at("keys/station.pem"), passphrase));
    Journal::open(at("journal.db"), signer)
        ->appendDurably({QStringLiteral("station.created"), {}, {}, {{QStringLiteral("name"), name}}});
    open(folder, passphrase); // as whole as it is to be
    syncFolder(folder);
}

Home Home::open(const QString &path, const QByteArray &passphrase)
{
    Home home;
    home.m_path = QDir::cleanPath(QFileInfo(path).absoluteFilePath());
    home.m_passphrase = passphrase;
    if (!exists(home.m_path))
        throw Fault("home.missing", {path});
    for (const char *sub : {"keys", "recipes", "profiles"}) {
        if (!QFileInfo(home.file(QLatin1String(sub))).isDir())
            throw Fault("home.damaged", {path, QStringLiteral("folder %1 is missing").arg(QLatin1String(sub))});
    }
    for (const char *key :
         {"issuer.key", "issuer.pem", "training.key", "training.pem", "station.key", "station.pem", "station-ca.pem"}) {
        if (!QFileInfo(home.file(QStringLiteral("keys/") + QLatin1String(key))).isFile())
            throw Fault("home.damaged", {path, QStringLiteral("keys/%1 is missing").arg(QLatin1String(key))});
    }
    // init makes one. A new one would give out numbers a second time.
    const QFileInfo journal(home.file(QStringLiteral("journal.db")));
    if (!journal.isFile())
        throw Fault("home.damaged", {path, QStringLiteral("journal.db is missing")});
    if (journal.size() == 0)
        throw Fault("home.damaged", {path, QStringLiteral("journal.db is empty")});
    home.readConfig();
    return home;
}

QStringList Home::firmwareFolders() const
{
    QStringList folders;
    for (const QString &folder : m_firmwareFolders)
        folders << (QDir::isAbsolutePath(folder) ? folder : file(folder));
    return folders;
}

void Home::readConfig()
{
    const QString path = file(QStringLiteral("station.yaml"));
    const StationConfig config =
        parseStationConfig(readFile(path, configLimit, QStringLiteral("a station file")), path);
    m_name = config.name;
    m_slots = config.places;
    m_attempts = config.attempts;
    m_limits = config.limits;
    m_issuer = config.issuer;
    m_firmwareFolders = config.firmwareFolders;
    m_firmwareUrls = config.firmwareUrls;
    m_mudInterface = config.mudInterface;
}

QStringList Home::recipeNames() const
{
    QStringList names;
    for (const QFileInfo &info :
         QDir(file(QStringLiteral("recipes"))).entryInfoList({QStringLiteral("*.yaml")}, QDir::Files))
        names += info.completeBaseName();
    return names;
}

QString Home::recipePath(const QString &nameOrPath) const
{
    if (nameOrPath.contains(u'/') || nameOrPath.endsWith(u".yaml") || nameOrPath.endsWith(u".yml")) {
        const QString inHome = file(QStringLiteral("recipes/") + nameOrPath);
        return !nameOrPath.contains(u'/') && !QFileInfo::exists(nameOrPath) && QFileInfo::exists(inHome) ? inHome
                                                                                                         : nameOrPath;
    }
    const QStringList names = recipeNames();
    if (!names.contains(nameOrPath))
        throw Fault("home.no-recipe", {oneLine(nameOrPath, 60), didYouMean(nameOrPath, names), names.join(u", ")});
    return file(QStringLiteral("recipes/%1.yaml").arg(nameOrPath));
}

std::unique_ptr<SigningKey> Home::openStationKey() const
{
    return SigningKey::open(file(QStringLiteral("keys/station.key")), file(QStringLiteral("keys/station.pem")),
                            passphrase());
}

std::shared_ptr<JournalSigner> Home::signer() const
{
    return std::make_shared<StationSigner>(openStationKey());
}

std::unique_ptr<Journal> Home::openJournal() const
{
    const QString path = file(QStringLiteral("journal.db"));
    // A journal without entries would be begun like a new one.
    if (JournalReader(path).lastEntry() == 0)
        throw Fault("home.damaged", {m_path, QStringLiteral("journal.db has no entries")});
    return Journal::open(path, signer());
}

QByteArray Home::passphrase() const
{
    if (m_passphrase.isEmpty() && m_ask && keysEncrypted())
        m_passphrase = m_ask(QStringLiteral("the passphrase of this station's keys"));
    return m_passphrase;
}

namespace {

// What a CA of the station's own has in its home, wherever its key is: former keys, and quotas.
void completeIssuer(const Home &home, FileIssuer &issuer, Mode mode)
{
    QList<QList<QByteArray>> former;
    for (const FormerCa &ca : formerCas(home.file(QStringLiteral("keys")),
                                        mode == Mode::Training ? QStringLiteral("training") : QStringLiteral("issuer")))
        former << ca.chain;
    issuer.setFormerChains(former);
    // A station whose engineers are named issues within their quotas only.
    const QString anchors = home.file(QStringLiteral("keys/quota-anchors.pem"));
    if (mode == Mode::Production && QFileInfo::exists(anchors)) {
        issuer.setQuotas(QuotaBook::open(home.file(QStringLiteral("quotas")),
                                         readFile(anchors, configLimit, QStringLiteral("a certificate")),
                                         home.stationKeyId()));
    }
}

} // namespace

std::unique_ptr<Issuer> Home::openIssuer(const IssuerSettings &settings) const
{
    if (settings.kind() == IssuerSettings::Kind::File)
        return openFileIssuer(Mode::Production);
    IssuerSettings absolute = settings;
    for (QString *path :
         {&absolute.certificate, &absolute.secretFile, &absolute.key, &absolute.keyCertificate, &absolute.anchors}) {
        if (!path->isEmpty() && !QDir::isAbsolutePath(*path) && !Pkcs11Uri::is(*path))
            *path = file(*path);
    }
    auto issuer = slipway::openIssuer(absolute, absolute.key.isEmpty() ? QByteArray() : passphrase(), m_ask);
    if (auto *token = dynamic_cast<FileIssuer *>(issuer.get()))
        completeIssuer(*this, *token, Mode::Production);
    return issuer;
}

std::unique_ptr<Issuer> Home::openIssuer(Mode mode) const
{
    return mode == Mode::Production ? openIssuer(m_issuer) : openFileIssuer(mode);
}

std::unique_ptr<Issuer> Home::openFileIssuer(Mode mode) const
{
    const QString name = mode == Mode::Training ? QStringLiteral("keys/training") : QStringLiteral("keys/issuer");
    const QString keys = file(QStringLiteral("keys"));
    finishRotation(keys, name.section(u'/', -1));
    auto issuer =
        FileIssuer::open(file(name + QStringLiteral(".key")), file(name + QStringLiteral(".pem")), passphrase());
    completeIssuer(*this, *issuer, mode);
    return issuer;
}

QList<QByteArray> Home::issuerChain(Mode mode) const
{
    const QString own =
        mode == Mode::Training ? QStringLiteral("keys/training.pem") : QStringLiteral("keys/issuer.pem");
    const QString named = mode == Mode::Training ? QString() : m_issuer.certificate;
    try {
        return certificatesFromPem(readFile(named.isEmpty()               ? file(own)
                                            : QDir::isAbsolutePath(named) ? named
                                                                          : file(named),
                                            configLimit, QStringLiteral("a certificate chain")));
    } catch (const Fault &) {
        return {}; // opening the issuer says what is wrong
    }
}

QString Home::lotFolder(Mode mode, const QString &lot) const
{
    return file(QStringLiteral("lots/") + (mode == Mode::Training ? QStringLiteral("training-") : QString()) + lot);
}

KeyLot Home::openKeyLot(Mode mode, const QString &lot) const
{
    const QString folder = lotFolder(mode, lot);
    if (!QFileInfo::exists(folder))
        throw Fault("identity.lot-missing", {folder});
    QByteArray secret = passphrase();
    if (secret.isEmpty() && m_ask) // the station's keys are not encrypted, those of a lot always are
        secret = m_ask(QStringLiteral("the passphrase of lot %1").arg(lot));
    if (secret.isEmpty())
        throw Fault("identity.lot-passphrase");
    KeyLot keys = KeyLot::open(folder, secret);
    if (m_passphrase.isEmpty())
        m_passphrase = secret; // asked for once
    else
        cleanse(secret);
    return keys;
}

QString Home::stationKeyId() const
{
    const QByteArray pem =
        readFile(file(QStringLiteral("keys/station.pem")), configLimit, QStringLiteral("a certificate"));
    return hex(certificateFacts(certificatesFromPem(pem).front()).publicKeySha256);
}

ProfileStore Home::profiles() const
{
    return ProfileStore(file(QStringLiteral("profiles")));
}

bool Home::keysEncrypted() const
{
    return readFile(file(QStringLiteral("keys/issuer.key")), keyLimit, QStringLiteral("a key"))
        .startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----");
}

void Home::setPlaces(const QList<HomeSlot> &places)
{
    const QString config = file(QStringLiteral("station.yaml"));
    const QByteArray changed =
        withPlaces(readFile(config, configLimit, QStringLiteral("a station's settings")), places, config);
    QCborArray list;
    for (const HomeSlot &place : places)
        list.append(QCborMap{{QStringLiteral("name"), place.name},
                             {QStringLiteral("port"), place.port},
                             {QStringLiteral("driver"), place.driver}});
    const auto journal = openJournal(); // only one Slipway at a time
    writeFile(config, changed);
    journal->appendDurably({QStringLiteral("station.places"), {}, {}, {{QStringLiteral("places"), list}}});
    m_slots = places;
}

} // namespace slipway
