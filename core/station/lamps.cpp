#include "core/station/lamps.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/issuer.h"

#include <QStorageInfo>

#include <optional>

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

// Few are left: time to get more.
bool isLow(int left, int total)
{
    return left * 10 < total;
}

// The worst lot alone: there is no room for more.
Lamp lotLamp(const Stock &stock)
{
    if (!stock.lotTrouble.isEmpty())
        return {u"Issuer"_s, Lamp::State::Bad, stock.lotTrouble};
    std::optional<Lamp> worst;
    for (const LotStock &lot : stock.lots) {
        const Lamp lamp =
            lot.closed      ? Lamp{u"Issuer"_s, Lamp::State::Bad, u"%1 is closed"_s.arg(lot.name)}
            : lot.over()    ? Lamp{u"Issuer"_s, Lamp::State::Bad, u"%1 ended on %2"_s.arg(lot.name, lot.lastDay)}
            : lot.left == 0 ? Lamp{u"Issuer"_s, Lamp::State::Bad, u"%1 is used up"_s.arg(lot.name)}
                            : Lamp{u"Issuer"_s, isLow(lot.left, lot.total) ? Lamp::State::Caution : Lamp::State::Good,
                                   u"%1: %2 of %3 left"_s.arg(lot.name).arg(lot.left).arg(lot.total)};
        if (!worst || (worst->state != Lamp::State::Bad && lamp.state != Lamp::State::Good))
            worst = lamp;
    }
    return *worst;
}

// What the quotas leave; nothing to say where they do not bind.
std::optional<Lamp> quotaLamp(const Stock &stock)
{
    if (!stock.boundByQuotas)
        return {};
    int left = 0, total = 0;
    QString lastDay, due;
    for (const QuotaStanding &standing : stock.quotas) {
        if (standing.state == QuotaStanding::State::Open) {
            left += standing.left;
            total += standing.quota.count;
            lastDay = std::max(lastDay, standing.quota.lastDay);
        } else if (standing.isDue()) {
            due = standing.state == QuotaStanding::State::Over
                      ? u"quota ended on %1: report it"_s.arg(standing.quota.lastDay)
                      : u"quota used up: report it"_s;
        }
    }
    if (left == 0)
        return Lamp{u"Issuer"_s, Lamp::State::Bad, due.isEmpty() ? u"no quota"_s : due};
    return Lamp{u"Issuer"_s, isLow(left, total) || !due.isEmpty() ? Lamp::State::Caution : Lamp::State::Good,
                due.isEmpty() ? u"quota: %1 of %2 left"_s.arg(left).arg(total) : due};
}

Lamp issuerLamp(const Home &home, const Issuer &issuer, Mode mode, const Stock &stock)
{
    if (!stock.lots.isEmpty() || !stock.lotTrouble.isEmpty())
        return lotLamp(stock);
    try {
        issuer.checkHealth();
        if (const auto lamp = quotaLamp(stock))
            return *lamp;
        if (mode == Mode::Training)
            return {u"Issuer"_s, Lamp::State::Good, u"training CA"_s};
        if (home.issuerSettings().kind() == IssuerSettings::Kind::File && !home.keysEncrypted())
            return {u"Issuer"_s, Lamp::State::Caution, u"key not encrypted"_s};
        return {u"Issuer"_s, Lamp::State::Good, u"ready"_s};
    } catch (const Fault &fault) {
        if (fault.is("issuer.shut"))
            return {u"Issuer"_s, Lamp::State::Bad, u"shut"_s};
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

QList<Lamp> readLamps(const Home &home, const Issuer &issuer, Mode mode, const QString &journalTrouble,
                      const Stock &stock)
{
    return {
        {u"Journal"_s, journalTrouble.isEmpty() ? Lamp::State::Good : Lamp::State::Bad,
         journalTrouble.isEmpty() ? u"durable"_s : journalTrouble},
        issuerLamp(home, issuer, mode, stock),
        {u"Printer"_s, Lamp::State::Off, u"labels as files"_s},
        diskLamp(home),
        {u"Plant"_s, Lamp::State::Off, u"not set up"_s},
    };
}

} // namespace slipway
