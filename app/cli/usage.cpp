#include "app/cli/usage.h"

#include "core/base/text.h"

#include <QRegularExpression>

namespace slipway {

namespace {

const CLI::App *childOf(const CLI::App &app, const QString &word)
{
    for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; })) {
        if (sub->check_name(word.toStdString()))
            return sub;
    }
    return nullptr;
}

QStringList childNames(const CLI::App &app)
{
    QStringList names;
    for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; }))
        names += QString::fromStdString(sub->get_name());
    return names;
}

QStringList optionNames(const CLI::App &app)
{
    QStringList names;
    for (const CLI::Option *option : app.get_options()) {
        for (const std::string &name : option->get_lnames())
            names += QStringLiteral("--") + QString::fromStdString(name);
    }
    return names;
}

bool takesValue(const CLI::App &app, const QString &word)
{
    const CLI::Option *option = app.get_option_no_throw(word.toStdString());
    return option && option->get_items_expected_max() > 0;
}

QString pathOf(const CLI::App &app)
{
    return app.get_parent() ? pathOf(*app.get_parent()) + u' ' + QString::fromStdString(app.get_name())
                            : QString::fromStdString(app.get_name());
}

struct Walk {
    const CLI::App *app;
    QString unknownCommand; // first word that should have been a subcommand
    QString unknownOption;
};

Walk walk(const CLI::App &root, const QStringList &words)
{
    Walk w{&root, {}, {}};
    for (qsizetype i = 0; i < words.size(); ++i) {
        const QString &word = words[i];
        if (word == u"--")
            break;
        if (word.startsWith(u'-') && word.size() > 1) {
            const QString name = word.section(u'=', 0, 0);
            if (!w.app->get_option_no_throw(name.toStdString())) {
                bool number = false;
                word.toDouble(&number);
                if (!number && w.unknownOption.isEmpty())
                    w.unknownOption = name;
            } else if (!word.contains(u'=') && takesValue(*w.app, name)) {
                ++i;
            }
        } else if (const CLI::App *child = childOf(*w.app, word)) {
            w.app = child;
        } else if (!childNames(*w.app).isEmpty() && w.unknownCommand.isEmpty()) {
            w.unknownCommand = word;
        }
    }
    return w;
}

} // namespace

CLI::Validator wholeNumber(qint64 least)
{
    return CLI::Validator(
        [least](std::string &word) {
            bool whole = false;
            const QString text = QString::fromStdString(word);
            if (text.toLongLong(&whole) >= least && whole)
                return std::string();
            return QStringLiteral("\"%1\" is not a whole number from %2 up")
                .arg(oneLine(text, 40))
                .arg(least)
                .toStdString();
        },
        "");
}

const CLI::App &deepest(const CLI::App &app, const QStringList &words)
{
    return *walk(app, words).app;
}

QStringList usageError(const CLI::App &app, const QStringList &words, const CLI::ParseError &error)
{
    const Walk w = walk(app, words);
    const QString path = pathOf(*w.app);
    const QString help = QStringLiteral("See \"%1 --help\".").arg(path);
    if (!w.unknownCommand.isEmpty()) {
        const QStringList names = childNames(*w.app);
        return {QStringLiteral("\"%1\" has no subcommand \"%2\".%3")
                    .arg(path, oneLine(w.unknownCommand, 40), didYouMean(w.unknownCommand, names)),
                QStringLiteral("Known: %1.").arg(names.join(QStringLiteral(", ")))};
    }
    if (!w.unknownOption.isEmpty()) {
        return {QStringLiteral("\"%1\" has no option %2.%3")
                    .arg(path, oneLine(w.unknownOption, 40), didYouMean(w.unknownOption, optionNames(*w.app))),
                help};
    }
    const QStringList names = childNames(*w.app);
    if (!names.isEmpty() && dynamic_cast<const CLI::RequiredError *>(&error)) {
        return {QStringLiteral("\"%1\" needs a subcommand.").arg(path),
                QStringLiteral("Known: %1.").arg(names.join(QStringLiteral(", ")))};
    }
    QString sentence = oneLine(QString::fromStdString(error.what()));
    // Values that an option's type cannot hold, in CLI11's own words: "Could not convert: --last = 3000000000".
    static const QRegularExpression unfit(QStringLiteral("^Could not convert: (\\S+) = (.*)$"));
    static const QRegularExpression digits(QStringLiteral("^[+]?[0-9]+$"));
    if (const auto match = unfit.match(sentence); match.hasMatch()) {
        const QString value = oneLine(match.captured(2), 40);
        sentence = digits.match(match.captured(2)).hasMatch()
                       ? QStringLiteral("%1 is a larger number than %2 can take.").arg(value, match.captured(1))
                       : QStringLiteral("\"%1\" is no number for %2.").arg(value, match.captured(1));
    }
    static const QRegularExpression outside(
        QStringLiteral("^(\\S+): Value (.*) not in range \\[?(\\S+?)(?: - | to )(\\S+?)\\]?$"));
    if (const auto match = outside.match(sentence); match.hasMatch()) {
        sentence = QStringLiteral("%1 takes %2 to %3, and not %4.")
                       .arg(match.captured(1), match.captured(3), match.captured(4), oneLine(match.captured(2), 40));
    }
    if (dynamic_cast<const CLI::ExtrasError *>(&error))
        sentence = QStringLiteral("\"%1\" takes fewer words than these: %2")
                       .arg(path, oneLine(sentence.section(u':', 1).trimmed(), 120));
    if (!sentence.endsWith(u'.'))
        sentence += u'.';
    return {sentence, help};
}

} // namespace slipway
