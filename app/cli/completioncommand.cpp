#include "app/cli/completioncommand.h"

#include <map>
#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

struct Node {
    QStringList subcommands;
    QStringList options; // "--home"
    QMap<QString, QString> help;
};

// Path of subcommands ("", "journal", "journal show") to what may follow.
void collect(const CLI::App &app, const QString &path, std::map<QString, Node> &nodes)
{
    Node &node = nodes[path];
    const auto firstLine = [](const std::string &text) { return QString::fromStdString(text).section(u'\n', 0, 0); };
    for (const CLI::Option *option : app.get_options()) {
        for (const std::string &name : option->get_lnames()) {
            const QString word = u"--"_s + QString::fromStdString(name);
            node.options += word;
            node.help.insert(word, firstLine(option->get_description()));
        }
    }
    for (const CLI::App *sub : app.get_subcommands([](const CLI::App *) { return true; })) {
        const QString name = QString::fromStdString(sub->get_name());
        node.subcommands += name;
        node.help.insert(name, firstLine(sub->get_description()));
        collect(*sub, path.isEmpty() ? name : path + u' ' + name, nodes);
    }
}

QString quoted(QString text)
{
    return u'\'' + text.replace(u'\'', u"'\\''"_s) + u'\'';
}

QString bash(const std::map<QString, Node> &nodes)
{
    QString out = u"# bash completion for slipway: eval \"$(slipway completion bash)\"\n"
                  "_slipway() {\n"
                  "    local cur=${COMP_WORDS[COMP_CWORD]} path= word next i\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        word=${COMP_WORDS[i]}\n"
                  "        next=\"${path:+$path }$word\"\n"
                  "        case \"$next\" in\n"_s;
    QStringList paths;
    for (const auto &[path, node] : nodes) {
        if (!path.isEmpty())
            paths += quoted(path);
    }
    out += u"            "_s + paths.join(u'|') + u") path=$next ;;\n"_s;
    out += u"        esac\n    done\n    local words=\n    case \"$path\" in\n"_s;
    for (const auto &[path, node] : nodes)
        out += u"        %1) words=%2 ;;\n"_s.arg(quoted(path), quoted((node.subcommands + node.options).join(u' ')));
    out += u"    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    if [[ $cur != -* ]]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
           "}\n"
           "complete -o filenames -F _slipway slipway\n"_s;
    return out;
}

QString zsh(const std::map<QString, Node> &nodes)
{
    QString out = u"#compdef slipway\n"
                  "# zsh completion for slipway: slipway completion zsh > a folder of $fpath, as _slipway\n"
                  "_slipway() {\n"
                  "    local path= next i\n"
                  "    local -a words_here\n"
                  "    for ((i = 2; i < CURRENT; i++)); do\n"
                  "        next=\"${path:+$path }${words[i]}\"\n"
                  "        case \"$next\" in\n"_s;
    QStringList paths;
    for (const auto &[path, node] : nodes) {
        if (!path.isEmpty())
            paths += quoted(path);
    }
    out += u"            "_s + paths.join(u'|') + u") path=$next ;;\n        esac\n    done\n    case \"$path\" in\n"_s;
    for (const auto &[path, node] : nodes) {
        QStringList words;
        for (const QString &word : node.subcommands + node.options) {
            QString help = node.help.value(word);
            words += quoted(QString(word).replace(u':', u"\\:"_s) + u':' + help.replace(u':', u"\\:"_s));
        }
        out += u"        %1) words_here=(%2) ;;\n"_s.arg(quoted(path), words.join(u' '));
    }
    out +=
        u"    esac\n    _describe 'slipway' words_here\n    [[ $PREFIX == -* ]] || _files\n}\n"
        "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _slipway \"$@\"; else compdef _slipway slipway; fi\n"_s;
    return out;
}

QString fish(const std::map<QString, Node> &nodes)
{
    QString out =
        u"# fish completion for slipway: slipway completion fish > ~/.config/fish/completions/slipway.fish\n"_s;
    for (const auto &[path, node] : nodes) {
        const QStringList parts = path.split(u' ', Qt::SkipEmptyParts);
        QString condition = u"__fish_use_subcommand"_s;
        if (!parts.isEmpty()) {
            QStringList seen;
            for (const QString &part : parts)
                seen += u"__fish_seen_subcommand_from "_s + part;
            if (!node.subcommands.isEmpty())
                seen += u"not __fish_seen_subcommand_from "_s + node.subcommands.join(u' ');
            condition = seen.join(u"; and "_s);
        }
        for (const QString &name : node.subcommands)
            out += u"complete -c slipway -n %1 -f -a %2 -d %3\n"_s.arg(quoted(condition), name,
                                                                       quoted(node.help.value(name)));
        for (const QString &option : node.options)
            out += u"complete -c slipway -n %1 -l %2 -d %3\n"_s.arg(quoted(condition), option.mid(2),
                                                                    quoted(node.help.value(option)));
    }
    return out;
}

} // namespace

void addCompletionCommand(CLI::App &app, CliContext &context)
{
    CLI::App *command = app.add_subcommand("completion", "Shell completion, printed as a script");
    const auto shell = std::make_shared<std::string>();
    command->add_option("shell", *shell, "bash, zsh or fish")
        ->required()
        ->type_name("SHELL")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
    CliContext::examples(command, {u"eval \"$(slipway completion bash)\""_s,
                                   u"slipway completion fish > ~/.config/fish/completions/slipway.fish"_s});
    context.action(command, [&app, &context, shell] {
        std::map<QString, Node> nodes;
        collect(app, {}, nodes);
        QString script = *shell == "bash" ? bash(nodes) : *shell == "zsh" ? zsh(nodes) : fish(nodes);
        script.chop(1);
        context.result(script);
        return 0;
    });
}

} // namespace slipway
