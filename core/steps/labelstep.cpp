// label: makes the unit's label, prints it, and has it scanned back.

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/recipe/variables.h"
#include "core/steps/kinds.h"
#include "core/steps/labeldrawing.h"
#include "core/steps/labelprinter.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

constexpr qint64 templateLimit = 64 * 1024;

class LabelStep : public Step
{
public:
    explicit LabelStep(const RecipeStep &step) : m_p(step.parameters) {}

    void prepare(StepContext &) override
    {
        m_template = readFile(m_p.value(u"template"_s).toString(), templateLimit, u"a label's template"_s);
        // A template that is unusable is found before a device is touched.
        labelZpl(m_template, [](const QString &) { return u"X"_s; });
    }

    void run(StepContext &context, const Task &task) override
    {
        LabelTexts texts;
        texts.product = context.expand(m_p.value(u"product"_s, context.recipe().name).toString());
        texts.serial = context.serial();
        texts.note = context.expand(m_p.value(u"note"_s).toString());
        texts.qr = context.expand(m_p.value(u"qr"_s).toString());
        const QByteArray zpl =
            labelZpl(m_template, [&context](const QString &reference) { return context.expand(reference); });
        const QByteArray pdf = labelPdf(texts);
        const QString base = context.outputFolder() + u"/label-"_s + fileName(texts.serial);
        QDir().mkpath(context.outputFolder());
        writeFile(base + u".zpl"_s, zpl);
        writeFile(base + u".pdf"_s, pdf);
        task.say(u"label written to %1.pdf and .zpl"_s.arg(base));
        // A second try, after a wrong scan, does not print a second label.
        if (const QString printer = m_p.value(u"printer"_s).toString(); !printer.isEmpty() && !m_printed) {
            printLabel(printer, zpl, task);
            m_printed = true;
        }
        const QString scanned = m_p.value(u"scan-back"_s).toBool() ? scanBack(context, texts, task) : QString();
        context.record(u"label"_s, {{u"template"_s, QFileInfo(m_p.value(u"template"_s).toString()).fileName()},
                                    {u"sha256"_s, QCryptographicHash::hash(zpl, QCryptographicHash::Sha256)},
                                    {u"scanned-back"_s, scanned}});
        context.summary(scanned.isEmpty() ? texts.serial : u"%1, scanned back"_s.arg(texts.serial));
    }

private:
    // Only the device itself can say whose label this has to be: the label is compared with that, not with the run.
    static QString ownSerial(StepContext &context, const Task &task)
    {
        if (Keys *keys = context.device().keys()) {
            const QList<QByteArray> chain = keys->readChain(task);
            if (!chain.isEmpty())
                return certificateFacts(chain.first()).subjectSerial;
        }
        return context.device().facts(task).serial;
    }

    static QString scanBack(StepContext &context, const LabelTexts &texts, const Task &task)
    {
        const QString own = ownSerial(context, task);
        if (own.isEmpty())
            throw Fault("label.no-identity");
        if (own != context.serial())
            throw Fault("label.other-unit", {oneLine(own, 60), context.serial()});
        PromptRequest request;
        request.kind = PromptRequest::Kind::ScanBack;
        request.word = u"LABEL"_s;
        request.sentence = u"Stick the label on the unit and scan it"_s;
        request.expected = texts.qr;
        PromptAnswer answer;
        try {
            answer = context.ask(request, task);
        } catch (const Fault &fault) {
            if (fault.is(u"base.timeout"))
                throw Fault("prompt.no-answer", {request.sentence});
            throw;
        }
        if (answer.value != texts.qr)
            throw Fault("label.scan", {oneLine(answer.value, 60), own});
        return answer.value;
    }

    static QString fileName(const QString &serial)
    {
        QString name = serial.left(100);
        static const QRegularExpression odd(u"[^A-Za-z0-9._-]"_s);
        name.replace(odd, u"_"_s);
        return name.isEmpty() || name.startsWith(u'.') ? u'_' + name : name;
    }

    QVariantMap m_p;
    QByteArray m_template;
    bool m_printed = false;
};

// Variables of the template, which the checker does not see otherwise.
QList<std::pair<QString, QString>> checkLabel(const QVariantMap &p, const Recipe &recipe)
{
    QList<std::pair<QString, QString>> troubles;
    const QString printer = p.value(u"printer"_s).toString();
    if (!printer.isEmpty() && !isPrinterName(printer))
        troubles.append({u"printer"_s, u"\"printer\" must be a device such as /dev/usb/lp0, or lp:QUEUE"_s});
    if (p.value(u"scan-back"_s).toBool() && !p.value(u"qr"_s).toString().contains(u"${serial}"_s))
        troubles.append({u"qr"_s, u"\"scan-back\" needs ${serial} in \"qr\": else any unit's label would do"_s});
    const QString path = p.value(u"template"_s).toString();
    if (!QFileInfo(path).isFile())
        return troubles;
    try {
        const QByteArray content = readFile(path, templateLimit, u"a label's template"_s);
        labelZpl(content, [](const QString &) { return u"X"_s; });
        QStringList known{u"serial"_s};
        for (const RecipeVariable &variable : recipe.variables)
            known << variable.name;
        for (const RecipeStep &step : recipe.steps) {
            if (const StepKind *kind = stepKind(step.kind); kind && !kind->setsVariable.isEmpty())
                known << step.parameters.value(kind->setsVariable).toString();
        }
        for (const VariableReference &reference : variableReferences(QString::fromUtf8(content))) {
            if (!reference.name.startsWith(u"fact:"_s) && !known.contains(reference.name))
                troubles.append(
                    {u"template"_s, u"the template uses the unknown variable \"%1\""_s.arg(reference.name)});
        }
    } catch (const Fault &fault) {
        troubles.append({u"template"_s, fault.sentence()});
    }
    return troubles;
}

} // namespace

StepKind labelKind()
{
    using Type = StepParameter::Type;
    StepKind kind;
    kind.name = u"label"_s;
    kind.title = u"Label"_s;
    kind.summary = u"Makes the unit's label as PDF and ZPL, prints it, and has it scanned back."_s;
    kind.manual =
        u"`template` is a ZPL file in which variables are replaced; the same label as a PDF of 50 x 25 mm shows "
        u"product, "
        "serial number and a QR code. Both go to the run's folder, the ZPL also to `printer`. A value with ZPL's signs "
        "`^` and `~` is refused.\n\n"
        "With `scan-back` the run waits until the label has been scanned, and passes only when it belongs to the very "
        "device in the place: the serial number in the device's own certificate (or, without one, the one that the "
        "device says it has) must be the run's, and the scan must be the QR code's text. `retries` allows another scan "
        "after a wrong one; the label is printed once. A printer that does not print is the station's trouble: ERROR, "
        "not "
        "the unit's failure."_s;
    kind.example = u"- label: { template: ../labels/t1.zpl, scan-back: true, retries: 2, printer: \"lp:Zebra\" }"_s;
    kind.parameters = {
        {.name = u"template"_s, .type = Type::File, .required = true, .doc = u"The ZPL template, UTF-8."_s},
        {.name = u"scan-back"_s,
         .type = Type::Boolean,
         .fallback = false,
         .doc = u"Wait for a scan of the label and compare it with the device's own identity."_s},
        {.name = u"product"_s, .doc = u"Product name on the PDF. Without it: the recipe's name."_s},
        {.name = u"note"_s, .doc = u"A third, small line on the PDF."_s},
        {.name = u"qr"_s, .fallback = u"${serial}"_s, .doc = u"Content of the QR code."_s},
        {.name = u"printer"_s, .doc = u"A device that takes ZPL, such as `/dev/usb/lp0`, or `lp:QUEUE`."_s}};
    kind.weight = 3;
    kind.timeoutMs = 600'000;
    kind.check = checkLabel;
    kind.make = [](const RecipeStep &step) { return std::make_unique<LabelStep>(step); };
    return kind;
}

} // namespace slipway
