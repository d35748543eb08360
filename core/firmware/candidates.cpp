#include "core/firmware/candidates.h"

#include "core/base/text.h"

#include <QCryptographicHash>
#include <QRegularExpression>

#include <algorithm>

namespace slipway {

namespace {

// "ESP32-C3" and "esp32c3" are one chip.
QString plain(const QString &name)
{
    static const QRegularExpression separators(QStringLiteral("[-_ ./]"));
    return name.toLower().remove(separators);
}

bool beginsWithWord(const QString &fileName, const QString &word)
{
    if (!fileName.startsWith(word, Qt::CaseInsensitive))
        return false;
    return fileName.size() == word.size() || !fileName[word.size()].isLetterOrNumber();
}

bool holdsWord(const QString &fileName, const QString &word)
{
    const QRegularExpression pattern(QStringLiteral("(^|[^A-Za-z0-9])") + QRegularExpression::escape(word) +
                                         QStringLiteral("($|[^A-Za-z0-9])"),
                                     QRegularExpression::CaseInsensitiveOption);
    return pattern.match(fileName).hasMatch();
}

struct Version {
    std::vector<quint64> numbers; // major, minor, ...
    quint64 build = 0;
    QString preview; // "rc1": before the version without
};

std::optional<Version> versionOf(const QString &text)
{
    static const QRegularExpression form(
        QStringLiteral("^[vV]?([0-9]{1,10}(?:\\.[0-9]{1,10}){0,3})(?:-([0-9A-Za-z.-]{1,64}))?(?:\\+([0-9]{1,10}))?$"));
    const auto match = form.match(text.trimmed());
    if (!match.hasMatch())
        return {};
    Version version;
    const QStringList numbers = match.captured(1).split(u'.');
    for (const QString &number : numbers)
        version.numbers.push_back(number.toULongLong());
    version.numbers.resize(4, 0);
    version.preview = match.captured(2);
    version.build = match.captured(3).toULongLong();
    return version;
}

} // namespace

std::optional<int> compareVersions(const QString &a, const QString &b)
{
    const auto first = versionOf(a);
    const auto second = versionOf(b);
    if (!first || !second)
        return {};
    const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
    for (size_t i = 0; i < first->numbers.size(); ++i) {
        if (const int order = sign(first->numbers[i], second->numbers[i]))
            return order;
    }
    if (first->preview.isEmpty() != second->preview.isEmpty())
        return first->preview.isEmpty() ? 1 : -1;
    if (const int order = QString::compare(first->preview, second->preview))
        return order < 0 ? -1 : 1;
    return sign(first->build, second->build);
}

QString versionInName(const QString &fileName)
{
    static const QRegularExpression form(
        QStringLiteral("(?:^|[^0-9A-Za-z.])[vV]?([0-9]{1,6}(?:\\.[0-9]{1,6}){1,3}(?:\\+[0-9]{1,10})?)"));
    return form.match(fileName).captured(1);
}

QJsonObject FirmwareCandidate::toJson() const
{
    QJsonObject json{{QStringLiteral("name"), name},     {QStringLiteral("source"), source},
                     {QStringLiteral("chosen"), chosen}, {QStringLiteral("why"), why},
                     {QStringLiteral("size"), size},     {QStringLiteral("signature-holds"), signatureHolds}};
    const auto put = [&json](const char *key, const QString &text) {
        if (!text.isEmpty())
            json[QLatin1String(key)] = text;
    };
    put("sha256", hex(sha256));
    put("format", format);
    put("version", version);
    put("product", product);
    put("chip", chip);
    return json;
}

FirmwareSearch::FirmwareSearch(FirmwareWish wish) : m_wish(std::move(wish)) {}

void FirmwareSearch::reject(const QString &name, const QString &source, const QString &why)
{
    FirmwareCandidate candidate;
    candidate.name = oneLine(name, 200);
    candidate.source = oneLine(source);
    candidate.why = why;
    m_candidates.push_back(std::move(candidate));
}

void FirmwareSearch::add(const QString &name, const QString &source, const QByteArray &bytes,
                         const std::optional<FirmwareRecord> &record)
{
    FirmwareCandidate candidate;
    candidate.name = oneLine(name, 200);
    candidate.source = oneLine(source);
    candidate.size = bytes.size();
    candidate.sha256 = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
    try {
        candidate.why = judge(candidate, bytes, record);
        candidate.chosen = candidate.why.isEmpty();
    } catch (const Fault &fault) {
        if (fault.is("firmware.signer")) // the key, not the file
            throw;
        candidate.why = fault.sentence();
    }
    m_candidates.push_back(std::move(candidate));
}

// Why not, or nothing.
QString FirmwareSearch::judge(FirmwareCandidate &candidate, const QByteArray &bytes,
                              const std::optional<FirmwareRecord> &record)
{
    const FirmwareFile file = FirmwareFile::parse(bytes);
    candidate.format = file.format();
    const auto fact = [&file](QStringView key) {
        for (const FirmwareFile::Fact &one : file.facts()) {
            if (one.key == key)
                return one.text;
        }
        return QString();
    };
    candidate.version = fact(u"version");
    candidate.product = fact(u"project");
    candidate.chip = file.kind() == FirmwareFile::Format::Uf2 ? fact(u"families") : fact(u"chip");
    file.check();
    if (!m_wish.formats.isEmpty() && !m_wish.formats.contains(candidate.format))
        return QStringLiteral("It is a %1, and the device takes %2.")
            .arg(file.formatName(), m_wish.formats.join(QStringLiteral(" or ")));

    if (!m_wish.signer.isEmpty()) {
        if (file.mcuboot()) {
            file.mcuboot()->verify(m_wish.signer);
        } else if (file.suit()) {
            const SuitManifest manifest = file.suit()->open(m_wish.signer);
            manifest.check({.sequence = m_wish.sequence,
                            .allowEqual = false,
                            .vendor = m_wish.vendor,
                            .deviceClass = m_wish.deviceClass,
                            .device = {},
                            .components = {},
                            .slot = {}});
            manifest.checkPayloads({});
            for (auto it = manifest.texts().constBegin(); it != manifest.texts().constEnd(); ++it) {
                if (it.key().startsWith(u"version of ") && candidate.version.isEmpty())
                    candidate.version = it.value();
                if (it.key().startsWith(u"model of ") && candidate.product.isEmpty())
                    candidate.product = it.value();
            }
        } else {
            return QStringLiteral("A %1 carries no signature that could be checked.").arg(file.formatName());
        }
        candidate.signatureHolds = true;
    }

    if (record && !record->product.isEmpty())
        candidate.product = record->product;
    if (candidate.version.isEmpty() && record)
        candidate.version = record->version;
    if (candidate.version.isEmpty()) {
        candidate.version = versionInName(candidate.name);
        candidate.versionByName = !candidate.version.isEmpty();
    }

    if (!m_wish.chip.isEmpty() && !candidate.chip.isEmpty()) {
        const QStringList chips = candidate.chip.split(QStringLiteral(", "));
        const bool fits = std::any_of(chips.begin(), chips.end(), [this](const QString &chip) {
            return plain(chip) == plain(m_wish.chip) || chip == u"any chip";
        });
        if (!fits)
            return QStringLiteral("It is for chip %1, not %2.").arg(candidate.chip, m_wish.chip);
    }
    if (!m_wish.product.isEmpty()) {
        if (!candidate.product.isEmpty() && candidate.product.compare(m_wish.product, Qt::CaseInsensitive) != 0)
            return QStringLiteral("It is for product %1, not %2.").arg(candidate.product, m_wish.product);
        if (candidate.product.isEmpty() && !beginsWithWord(candidate.name, m_wish.product))
            return QStringLiteral("Nothing says that it is for product %1: its name does not begin so.")
                .arg(m_wish.product);
    }
    if (!m_wish.board.isEmpty() && !holdsWord(candidate.name, m_wish.board) &&
        plain(candidate.chip) != plain(m_wish.board))
        return QStringLiteral("Nothing says that it is for board %1: its name does not hold it.").arg(m_wish.board);

    if (!m_wish.running.isEmpty() && candidate.format != u"suit") {
        if (candidate.version.isEmpty())
            return QStringLiteral("Nobody knows its version.");
        const auto order = compareVersions(candidate.version, m_wish.running);
        if (!order)
            return QStringLiteral("Its version %1 cannot be compared with %2.").arg(candidate.version, m_wish.running);
        if (*order == 0)
            return QStringLiteral("It is version %1, which the device runs already.").arg(candidate.version);
        if (*order < 0 && !m_wish.allowOlder)
            return QStringLiteral("It is version %1, older than the %2 that the device runs.")
                .arg(candidate.version, m_wish.running);
    }
    return {};
}

std::vector<FirmwareCandidate> FirmwareSearch::choose()
{
    std::vector<FirmwareCandidate *> fitting;
    for (FirmwareCandidate &candidate : m_candidates) {
        if (!candidate.chosen)
            continue;
        const auto same = std::find_if(fitting.begin(), fitting.end(),
                                       [&](const auto *other) { return other->sha256 == candidate.sha256; });
        if (same != fitting.end()) {
            candidate.chosen = false;
            candidate.why = QStringLiteral("It is the same file as %1 in %2.").arg((*same)->name, (*same)->source);
            continue;
        }
        fitting.push_back(&candidate);
    }
    // The newest; two that cannot be told apart by version are for a person to choose from.
    FirmwareCandidate *best = nullptr;
    for (FirmwareCandidate *candidate : fitting) {
        if (!best || compareVersions(candidate->version, best->version).value_or(0) > 0)
            best = candidate;
    }
    std::vector<FirmwareCandidate *> rivals;
    for (FirmwareCandidate *candidate : fitting) {
        if (candidate == best)
            continue;
        const auto order = compareVersions(candidate->version, best->version);
        candidate->chosen = false;
        if (order && *order < 0) {
            candidate->why = QStringLiteral("It is version %1, older than %2.").arg(candidate->version, best->name);
        } else {
            candidate->why =
                order ? QStringLiteral("It is version %1 as %2 is, and another file; name the one you mean.")
                            .arg(candidate->version, best->name)
                      : QStringLiteral("Its version cannot be compared with that of %1; name the one you mean.")
                            .arg(best->name);
            rivals.push_back(candidate);
        }
    }
    if (!rivals.empty()) {
        best->chosen = false;
        best->why = QStringLiteral("It cannot be told whether this or %1 is the newest; name the one you mean.")
                        .arg(rivals.front()->name);
    } else if (best) {
        best->chosen = true;
        best->why =
            QStringLiteral("It is %1%2.")
                .arg(best->version.isEmpty() ? QStringLiteral("the one that fits")
                                             : QStringLiteral("version %1, the newest that fits").arg(best->version) +
                                                   (best->versionByName ? QStringLiteral(" by its name") : QString()),
                     best->signatureHolds ? QStringLiteral("; its signature holds")
                                          : QStringLiteral("; who made it was not checked"));
    }
    return m_candidates;
}

} // namespace slipway
