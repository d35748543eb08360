#include "core/station/stationconfig.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/pkcs11uri.h"
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

    QStringList texts(const YAML::Node &node, const QString &what) const
    {
        if (!node.IsSequence() || node.size() > size_t(maximumFirmwareSources))
            refuse(node.Mark(),
                   QStringLiteral("%1 must be a list of at most %2.").arg(what).arg(maximumFirmwareSources));
        QStringList out;
        for (const auto &item : node)
            out << text(item, QStringLiteral("An item of ") + what, 2000);
        return out;
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

void readIssuer(const Reader &reader, const YAML::Node &node, IssuerSettings &issuer)
{
    const auto use = [&](const YAML::Node &value) {
        issuer.use = reader.text(value, QStringLiteral("\"issuer\""), 2000);
        try {
            if (issuer.kind() == IssuerSettings::Kind::Token)
                Pkcs11Uri::parse(issuer.use);
        } catch (const Fault &fault) {
            reader.refuse(value.Mark(),
                          fault.sentence() + QStringLiteral(" It can be file, pkcs11:..., est:https://... "
                                                            "or cmp:http://..."));
        }
    };
    if (node.IsScalar()) {
        use(node);
        return;
    }
    const auto choice = [&](const YAML::Node &value, const QString &key, const char *no, const char *yes) {
        const QString word = reader.text(value, key);
        if (word != QLatin1String(no) && word != QLatin1String(yes))
            reader.refuse(value.Mark(),
                          QStringLiteral("%1 must be %2 or %3.").arg(key, QLatin1String(no), QLatin1String(yes)));
        return word == QLatin1String(yes);
    };
    const auto span = [&](const YAML::Node &value, const QString &key, qint64 longest) {
        const auto ms = parseDurationMs(reader.text(value, key));
        if (!ms || *ms < 0 || *ms > longest)
            reader.refuse(value.Mark(), key + QStringLiteral(" must be a time like 30s, 10min or 0, at most %1.")
                                                  .arg(humanSpan(double(longest) / 1000)));
        return std::chrono::milliseconds(*ms);
    };
    reader.keys(node, QStringLiteral("\"issuer\""),
                {QStringLiteral("use"), QStringLiteral("certificate"), QStringLiteral("secret-file"),
                 QStringLiteral("reference"), QStringLiteral("key"), QStringLiteral("key-certificate"),
                 QStringLiteral("anchors"), QStringLiteral("request"), QStringLiteral("confirm"),
                 QStringLiteral("cmc-ra"), QStringLiteral("lost-answer"), QStringLiteral("patience"),
                 QStringLiteral("answer-within")},
                [&](const QString &key, const YAML::Node &value) {
                    const QString quoted = u'"' + key + u'"';
                    if (key == u"use")
                        use(value);
                    else if (key == u"request")
                        issuer.p10cr = choice(value, quoted, "ir", "p10cr");
                    else if (key == u"confirm")
                        issuer.implicitConfirm = choice(value, quoted, "explicit", "implicit");
                    else if (key == u"cmc-ra")
                        issuer.needsCmcRa = choice(value, quoted, "unchecked", "required");
                    else if (key == u"lost-answer")
                        issuer.askAgain = choice(value, quoted, "stop", "ask-again");
                    else if (key == u"patience")
                        issuer.patience = span(value, quoted, 24 * 3'600'000);
                    else if (key == u"answer-within")
                        issuer.answerWithin = span(value, quoted, 600'000);
                    else
                        (key == u"certificate"       ? issuer.certificate
                         : key == u"secret-file"     ? issuer.secretFile
                         : key == u"reference"       ? issuer.reference
                         : key == u"key"             ? issuer.key
                         : key == u"key-certificate" ? issuer.keyCertificate
                                                     : issuer.anchors) = reader.text(value, quoted, 2000);
                });
}

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
         QStringLiteral("firmware"), QStringLiteral("limits"), QStringLiteral("mud"), QStringLiteral("slots")},
        [&](const QString &key, const YAML::Node &value) {
            if (key == u"station") {
                reader.number(value, QStringLiteral("\"station\" (the version of this file)"), 1, 1);
                version = true;
            } else if (key == u"name") {
                config.name = reader.text(value, QStringLiteral("\"name\""), 60);
            } else if (key == u"attempts") {
                config.attempts = reader.number(value, QStringLiteral("\"attempts\""), 1, 20);
            } else if (key == u"issuer") {
                readIssuer(reader, value, config.issuer);
            } else if (key == u"mud") {
                reader.keys(value, QStringLiteral("\"mud\""), {QStringLiteral("interface")},
                            [&](const QString &, const YAML::Node &name) {
                                config.mudInterface = reader.text(name, QStringLiteral("\"interface\""), 60);
                            });
            } else if (key == u"firmware") {
                reader.keys(value, QStringLiteral("\"firmware\""), {QStringLiteral("folders"), QStringLiteral("urls")},
                            [&](const QString &kind, const YAML::Node &list) {
                                (kind == u"folders" ? config.firmwareFolders : config.firmwareUrls) =
                                    reader.texts(list, u'"' + kind + u'"');
                            });
            } else if (key == u"limits") {
                reader.keys(value, QStringLiteral("\"limits\""),
                            {QStringLiteral("per-controller"), QStringLiteral("per-hub")},
                            [&](const QString &what, const YAML::Node &number) {
                                (what == u"per-hub" ? config.limits.perHub : config.limits.perController) =
                                    reader.number(number, u'"' + what + u'"', 1, maximumPlaces);
                            });
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

# Certificates are signed with keys/issuer.key (training: keys/training.key). Or with a key in a PKCS#11 token, or by an
# authority elsewhere; core/identity/README.md has all settings:
#   issuer:
#     use: "pkcs11:token=factory;object=ca"     # or est:https://ca.example:8443, cmp:http://ca.example/pkix/
#     certificate: keys/token-ca.pem
#     patience: 10min                           # how long a run waits for it in an outage; 0: not at all
issuer: file

# Where "slipway firmware find" looks besides the vault:
#   firmware:
#     folders: [ /srv/firmware ]
#     urls: [ "https://releases.example/t1/firmware.json" ]

# How many places may program at once behind one USB controller, or behind one hub; the others wait. Without this, all:
#   limits: { per-controller: 8, per-hub: 4 }

# The network interface that leads to the devices and to nothing else, on which the step mud-conform listens; {slot} in
# it is the place's number. A recipe may name another:
#   mud: { interface: "eth{slot}" }

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

QByteArray withPlaces(const QByteArray &yaml, const QList<HomeSlot> &places, const QString &file)
{
    parseStationConfig(yaml, file); // what is not understood is not rewritten
    const auto quoted = [](QString text) {
        return u'"' + text.replace(u'\\', QStringLiteral("\\\\")).replace(u'"', QStringLiteral("\\\"")) + u'"';
    };
    QByteArray list = places.isEmpty() ? "slots: []\n" : "slots:\n";
    for (const HomeSlot &place : places) {
        QString line = QStringLiteral("  - { name: %1, port: %2").arg(quoted(place.name), quoted(place.port));
        if (!place.driver.isEmpty())
            line += QStringLiteral(", driver: ") + quoted(place.driver);
        list += (line + QStringLiteral(" }\n")).toUtf8();
    }
    // The key at the start of a line, and the lines that belong to it: indented, or items of the list.
    QByteArray out;
    bool inside = false, written = false;
    const QList<QByteArray> lines = yaml.split('\n');
    for (qsizetype i = 0; i < lines.size(); ++i) {
        const QByteArray &line = lines[i];
        if (line.startsWith("slots:")) {
            out += list;
            inside = written = true;
            continue;
        }
        inside = inside &&
                 (line.startsWith(' ') || line.startsWith('\t') || line.startsWith('-') || line.trimmed().isEmpty());
        if (!inside)
            out += line + (i + 1 < lines.size() ? "\n" : "");
    }
    if (!written)
        out += (out.isEmpty() || out.endsWith('\n') ? "" : "\n") + list;
    const StationConfig read = parseStationConfig(out, file);
    if (read.places.size() != places.size())
        throw Fault("home.config", {file, QStringLiteral("1"), QStringLiteral("1"),
                                    QStringLiteral("\"slots\" is written in a way that cannot be replaced.")});
    return out;
}

} // namespace slipway
