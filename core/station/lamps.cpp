#include "core/station/lamps.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/issuer.h"

#include <QStorageInfo>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 diskBad = 200LL * 1024 * 1024;
constexpr qint64 diskCaution = 2LL * 1024 * 1024 * 1024;

QString spaceWords(qint64 bytes)
{
    const double gb = double(bytes) / 1e9;
    return gb >= 10  ? u"%1 GB free"_s.arg(qRound64(gb))
           : gb >= 1 ? u"%1 GB free"_s.arg(gb, 0, 'f', 1)
                     : u"%1 MB free"_s.arg(bytes / 1'000'000);
}

Lamp issuerLamp(const Home &home, const Issuer &issuer, Mode mode)
{
    try {
        issuer.checkHealth();
        if (mode == Mode::Training)
            return {u"Issuer"_s, Lamp::State::Good, u"training CA"_s};
        if (home.issuerSettings().kind() == IssuerSettings::Kind::File && !home.keysEncrypted())
            return {u"Issuer"_s, Lamp::State::Caution, u"key not encrypted"_s};
        return {u"Issuer"_s, Lamp::State::Good, u"ready"_s};
    } catch (const Fault &fault) {
        // Runs wait for it as long as station.yaml says.
        if (fault.retryable() && issuer.outage().patience.count() > 0)
            return {u"Issuer"_s, Lamp::State::Caution, fault.sentence()};
        return {u"Issuer"_s, Lamp::State::Bad, fault.sentence()};
    }
}

Lamp diskLamp(const Home &home)
{
    const QStorageInfo disk(home.path());
    if (!disk.isValid())
        return {u"Disk"_s, Lamp::State::Bad, u"not readable"_s};
    const qint64 free = disk.bytesAvailable();
    return {u"Disk"_s,
            disk.isReadOnly() || free < diskBad ? Lamp::State::Bad
            : free < diskCaution                ? Lamp::State::Caution
                                                : Lamp::State::Good,
            disk.isReadOnly() ? u"read-only"_s : spaceWords(free)};
}

} // namespace

QList<Lamp> readLamps(const Home &home, const Issuer &issuer, Mode mode, const QString &journalTrouble)
{
    return {
        {u"Journal"_s, journalTrouble.isEmpty() ? Lamp::State::Good : Lamp::State::Bad,
         journalTrouble.isEmpty() ? u"durable"_s : journalTrouble},
        issuerLamp(home, issuer, mode),
        {u"Printer"_s, Lamp::State::Off, u"labels as files"_s},
        diskLamp(home),
        {u"Plant"_s, Lamp::State::Off, u"not set up"_s},
    };
}

} // namespace slipway
