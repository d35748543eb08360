#pragma once
// One session at a station from the command line: starts the units, follows the runs, brings scans and answers from the
// terminal or from --answer to the station, and stops everything when the person wants it.

#include "app/cli/runreport.h"

#include <QStringList>

#include <deque>
#include <optional>
#include <thread>

namespace slipway {

// "NAME=PORT" each; with none, the places of station.yaml. A name that station.yaml knows keeps its driver.
// Throws cli.slot.
QList<Station::SlotConfig> placesFrom(const QStringList &words, const Home &home);

class RunSession
{
public:
    enum class Input {
        Terminal, // when standard input is one
        None,     // somebody else answers: the virtual scanner
    };
    RunSession(CliContext &context, Station &station, const QStringList &answers, bool showSteps,
               Input input = Input::Terminal);
    ~RunSession();

    // A unit for each place in turn. Without serial numbers: numbers from the recipe's allocator for every place, or
    // scans from the terminal. Throws before anything has started when the serial numbers do not fit.
    void start(const QStringList &serials);
    // Until all is done; the exit status.
    int follow();

private:
    void readLines(const std::stop_token &stop);
    void takeLine(const QString &line);
    void answerPrompts();
    void giveUp(const SlotView &view);
    static std::optional<PromptAnswer> parse(const PromptRequest &request, const QString &text);
    std::deque<QString> takeLines();

    CliContext &m_context;
    Station &m_station;
    RunReport m_report;
    QStringList m_answers;
    QMap<QString, qsizetype> m_answered; // run id -> answers used
    QSet<QString> m_shown;               // run id and step of questions shown
    bool m_scanning = false;             // units come from the terminal
    bool m_unanswered = false;
    const bool m_terminal;
    const bool m_asks; // questions are this session's business

    std::mutex m_mutex;
    std::deque<QString> m_lines;
    bool m_lineEnd = false;
    int m_wakeFd = -1;
    std::jthread m_reader;
};

} // namespace slipway
