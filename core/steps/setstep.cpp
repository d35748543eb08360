// set: writes settings and files, and reads them back.

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/steps/kinds.h"
#include "core/steps/recipesignature.h"

#include <QCryptographicHash>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 fileLimit = 16 * 1024 * 1024;

class SetStep : public Step
{
public:
    explicit SetStep(const RecipeStep &step)
        : m_settings(step.parameters.value(u"settings"_s).toMap()), m_files(step.parameters.value(u"files"_s).toMap())
    {}

    void prepare(StepContext &context) override
    {
        m_contents.clear();
        for (auto file = m_files.begin(); file != m_files.end(); ++file) {
            if (const QString path = file->toMap().value(u"file"_s).toString(); !path.isEmpty())
                m_contents.insert(file.key(),
                                  readReleased(context.recipe(), path, fileLimit, u"a file for a device"_s));
        }
    }

    void run(StepContext &context, const Task &task) override
    {
        Blobs *blobs = context.device().blobs();
        if (!blobs)
            throw Fault("device.lacks", {u"store settings and files"_s});
        setSettings(context, *blobs, task);
        qint64 bytes = 0;
        for (auto file = m_files.begin(); file != m_files.end(); ++file) {
            task.check(u"Writing the files"_s);
            const QByteArray content = m_contents.contains(file.key())
                                           ? m_contents.value(file.key())
                                           : context.expand(file->toMap().value(u"text"_s).toString()).toUtf8();
            bytes += content.size();
            setFile(*blobs, file.key(), content, task);
        }
        QStringList parts;
        if (!m_settings.isEmpty())
            parts << (m_settings.size() == 1 ? u"1 setting"_s : u"%1 settings"_s.arg(m_settings.size()));
        if (!m_files.isEmpty())
            parts << (m_files.size() == 1 ? u"1 file"_s : u"%1 files"_s.arg(m_files.size())) + u", "_s +
                         humanSize(bytes);
        context.summary(parts.join(u", "_s) + u", read back"_s);
    }

private:
    // Values may be secrets: names only go to log and faults.
    void setSettings(StepContext &context, Blobs &blobs, const Task &task)
    {
        if (m_settings.isEmpty())
            return;
        QMap<QString, QByteArray> values;
        for (auto setting = m_settings.begin(); setting != m_settings.end(); ++setting)
            values.insert(setting.key(), context.expand(setting->toString()).toUtf8());
        bool changed = false;
        for (auto value = values.begin(); value != values.end(); ++value) {
            task.check(u"Writing the settings"_s);
            if (holds(blobs, value.key(), *value, task)) {
                task.say(u"setting %1 holds it already"_s.arg(value.key()));
                continue;
            }
            task.say(u"setting %1, %2"_s.arg(value.key(), humanSize(value->size())));
            blobs.write(Blobs::Kind::Setting, value.key(), *value, task);
            changed = true;
        }
        if (changed)
            blobs.commitSettings(task);
        for (auto value = values.begin(); value != values.end(); ++value) {
            if (blobs.read(Blobs::Kind::Setting, value.key(), task) != *value)
                throw Fault("set.differs", {u"setting "_s + oneLine(value.key(), 80)});
        }
    }

    // A setting that is right already is not written again: a locked device would refuse that.
    static bool holds(Blobs &blobs, const QString &name, const QByteArray &value, const Task &task)
    {
        try {
            return blobs.read(Blobs::Kind::Setting, name, task) == value;
        } catch (const Fault &fault) { // there is none yet
            if (fault.blame() != Blame::Unit || fault.retryable())
                throw;
            return false;
        }
    }

    static void setFile(Blobs &blobs, const QString &name, const QByteArray &content, const Task &task)
    {
        task.say(u"file %1, %2"_s.arg(name, humanSize(content.size())));
        blobs.write(Blobs::Kind::File, name, content, task);
        const QByteArray wanted = QCryptographicHash::hash(content, QCryptographicHash::Sha256);
        std::optional<QByteArray> found = blobs.sha256(name, task);
        if (!found)
            found = QCryptographicHash::hash(blobs.read(Blobs::Kind::File, name, task), QCryptographicHash::Sha256);
        if (*found != wanted)
            throw Fault("set.differs", {u"file "_s + oneLine(name, 80)});
    }

    QVariantMap m_settings;
    QVariantMap m_files;
    QMap<QString, QByteArray> m_contents;
};

} // namespace

StepKind setKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"set"_s;
    kind.title = u"Set"_s;
    kind.summary = u"Writes settings and files to the device and reads them back."_s;
    kind.manual =
        u"Settings are written, made permanent and read back byte for byte; one that holds its value already is left "
        "alone. Files are compared by the SHA-256 "
        "that the device computes, or read back where it cannot. Local files are read before the device is "
        "touched.\n\nThe record says which settings and files were written, not what was in them: values "
        "may be secret."_s;
    kind.example = u"- set:\n"
                   "    settings: { id/serial: \"${serial}\" }\n"
                   "    files:\n"
                   "      /lfs/ca.pem: ../keys/cloud-ca.pem\n"
                   "      /lfs/site.txt: { text: \"line 3, ${serial}\" }"_s;
    kind.parameters = {
        {.name = u"settings"_s, .type = Type::Map, .doc = u"Names of settings and their values, as UTF-8 text."_s},
        {.name = u"files"_s,
         .type = Type::Files,
         .doc = u"Names on the device, each with a local file, or `{ text: \"...\" }` for content in "
                "place, in which variables are replaced."_s}};
    kind.weight = 0.5;
    kind.timeoutMs = 60'000;
    kind.writes = true;
    kind.needs = [](const QVariantMap &) { return QSet{Capability::Blobs}; };
    kind.check = [](const QVariantMap &parameters, const Recipe &) {
        QList<std::pair<QString, QString>> troubles;
        if (!parameters.contains(u"settings"_s) && !parameters.contains(u"files"_s))
            troubles.append({QString(), u"\"set\" needs \"settings\", \"files\" or both"_s});
        return troubles;
    };
    kind.make = [](const RecipeStep &step) { return std::make_unique<SetStep>(step); };
    return kind;
}

} // namespace slipway
