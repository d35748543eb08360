#include "core/station/stationconfig.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/station/home.h"

#include <QSet>

#include <yaml-cpp/yaml.h>

namespace slipway {

namespace {

class Reader
{
public:
    explicit Reader(QString file) : m_file(std::move(file)) {}

    [[noreturn]] void refuse(const YAML::Mark &mark, const QString &sentence) const
    {
        throw Fault("home.config",
                    {m_file, QString::number(mark.line + 1), QString::number(mark.column + 1), sentence});
    }

    QString text(const YAML::Node &node, const QString &what, qsizetype limit = 200) const
    {
        if (!node.IsScalar())
            refuse(node.Mark(), what + QStringLiteral(" must be a text."));
        const QString value = QString::fromStdString(node.Scalar()).trimmed();
        if (value.isEmpty() || value.size() > limit || oneLine(value, limit) != value)
            refuse(node.Mark(), QStringLiteral("%1 must be one line of 1 to %2 characters.").arg(what).arg(limit));
        return value;
    }

    int number(const YAML::Node &node, const QString &what, int low, int high) const
    {
        bool ok = false;
        const int value = node.IsScalar() ? QString::fromStdString(node.Scalar()).toInt(&ok) : 0;
        if (!ok || value < low || value > high)
            refuse(node.Mark(), QStringLiteral("%1 must be a number from %2 to %3.").arg(what).arg(low).arg(high));
        return value;
    }

    // Calls with every key; refuses keys that are not known or stand twice.
    template <typename Take>
    void keys(const YAML::Node &map, const QString &what, const QStringList &known, Take take) const
    {
        if (!map.IsMap())
            refuse(map.Mark(), what + QStringLiteral(" must be a list of \"key: value\" lines."));
        QSet<QString> seen;
        for (const auto &pair : map) {
            const QString key = pair.first.IsScalar() ? QString::fromStdString(pair.first.Scalar()) : QString();
            if (!known.contains(key)) {
                refuse(pair.first.Mark(),
                       QStringLiteral("unknown key \"%1\".%2").arg(oneLine(key, 40), didYouMean(key, known)));
            }
            if (seen.contains(key))
                refuse(pair.first.Mark(), QStringLiteral("\"%1\" stands twice.").arg(key));
            seen.insert(key);
            take(key, pair.second);
        }
    }

private:
    QString m_file;
};

} // namespace

StationConfig parseStationConfig(const QByteArray &yaml, const QString &file)
{
    const Reader reader(file);
    StationConfig config;
    YAML::Node root;
    try {
        root = YAML::Load(yaml.toStdString());
    } catch (const YAML::Exception &e) {
        reader.refuse(e.mark, QString::fromStdString(e.msg) + u'.');
    }
    bool version = false;
    reader.keys(
        root, QStringLiteral("The file"),
        {QStringLiteral("station"), QStringLiteral("name"), QStringLiteral("attempts"), QStringLiteral("issuer"),
         QStringLiteral("slots")},
        [&](const QString &key, const YAML::Node &value) {
            if (key == u"station") {
                reader.number(value, QStringLiteral("\"station\" (the version of this file)"), 1, 1);
                version = true;
            } else if (key == u"name") {
                config.name = reader.text(value, QStringLiteral("\"name\""), 60);
            } else if (key == u"attempts") {
                config.attempts = reader.number(value, QStringLiteral("\"attempts\""), 1, 20);
            } else if (key == u"issuer") {
                if (reader.text(value, QStringLiteral("\"issuer\"")) != u"file")
                    reader.refuse(value.Mark(), QStringLiteral("the issuer of this version is \"file\"."));
            } else if (!value.IsNull()) {
                if (!value.IsSequence() || value.size() > size_t(maximumPlaces))
                    reader.refuse(value.Mark(),
                                  QStringLiteral("\"slots\" must be a list of at most %1 places.").arg(maximumPlaces));
                for (const auto &item : value) {
                    HomeSlot place;
                    place.number = int(config.places.size()) + 1;
                    place.name = QString::number(place.number);
                    reader.keys(item, QStringLiteral("A place"),
                                {QStringLiteral("name"), QStringLiteral("port"), QStringLiteral("driver")},
                                [&](const QString &slotKey, const YAML::Node &slotValue) {
                                    const QString quoted = u'"' + slotKey + u'"';
                                    (slotKey == u"name"   ? place.name
                                     : slotKey == u"port" ? place.port
                                                          : place.driver) = reader.text(slotValue, quoted);
                                });
                    if (place.port.isEmpty())
                        reader.refuse(item.Mark(), QStringLiteral("this place has no port."));
                    for (const HomeSlot &other : config.places) {
                        if (other.name == place.name)
                            reader.refuse(item.Mark(), QStringLiteral("two places are called \"%1\".").arg(place.name));
                        if (other.port == place.port)
                            reader.refuse(item.Mark(), QStringLiteral("two places have port %1.").arg(place.port));
                    }
                    config.places.append(place);
                }
            }
        });
    if (!version)
        reader.refuse(root.Mark(), QStringLiteral("\"station: 1\" is missing."));
    if (config.name.isEmpty())
        reader.refuse(root.Mark(), QStringLiteral("\"name\" is missing."));
    return config;
}

QByteArray newStationConfig(const QString &name)
{
    QString quoted = name;
    quoted.replace(u'\\', QStringLiteral("\\\\")).replace(u'"', QStringLiteral("\\\""));
    return QStringLiteral(R"(# A Slipway station. Change it while no Slipway is at work on this home.
station: 1

# Stands on the screen and in every record.
name: "%1"

# A unit may FAIL so often with one recipe, within eight hours, before it goes to repair.
attempts: 2

# Certificates are signed with keys/issuer.key (training: keys/training.key).
issuer: file

# Places in the order of the bench. A port is best named by where it is plugged in, so that it stays the same when
# devices restart: see "slipway device list".
#   slots:
#     - { name: "1", port: /dev/serial/by-path/pci-0000:00:14.0-usb-0:1.1:1.0-port0 }
#     - { name: "2", port: "udp:192.0.2.7:1337", driver: smp }
slots: []
)")
        .arg(quoted)
        .toUtf8();
}

} // namespace slipway
