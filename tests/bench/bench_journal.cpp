// The journal against raw SQLite, in the same run on the same disk, and how long one unit's look-up takes among a
// million steps. Prints; asserts nothing about time.
//   bench_journal [--steps N] [--folder DIR]
// "the same inserts": entry and projection rows with the same values and indexes, prepared statements, the same number
// of entries in a transaction, WAL, synchronous=FULL; without CBOR, hashes, signatures and queue. "entries alone": a
// table like entry and nothing else.

#include "core/base/text.h"
#include "core/codec/cbor.h"
#include "core/journal/chain.h"
#include "core/journal/journal.h"
#include "core/journal/queries.h"
#include "core/journal/schema.h"
#include "core/journal/unitproof.h"
#include "core/journal/verify.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>
#include <QTemporaryDir>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

using namespace slipway;

namespace {

using Clock = std::chrono::steady_clock;
using L1 = QLatin1String;

double since(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

class Signer final : public JournalSigner
{
public:
    Signer() : m_key(EVP_EC_gen("P-256")) {}
    ~Signer() override { EVP_PKEY_free(m_key); }
    Signer(const Signer &) = delete;
    Signer &operator=(const Signer &) = delete;
    QByteArray sign(const QByteArray &message) const override
    {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        QByteArray signature(80, '\0');
        size_t size = size_t(signature.size());
        EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, m_key);
        EVP_DigestSign(context, reinterpret_cast<unsigned char *>(signature.data()), &size,
                       reinterpret_cast<const unsigned char *>(message.constData()), size_t(message.size()));
        EVP_MD_CTX_free(context);
        signature.resize(qsizetype(size));
        return signature;
    }
    QByteArray publicKeyDer() const override
    {
        unsigned char *der = nullptr;
        const int size = i2d_PUBKEY(m_key, &der);
        const QByteArray bytes(reinterpret_cast<const char *>(der), size);
        OPENSSL_free(der);
        return bytes;
    }

private:
    EVP_PKEY *m_key;
};

// What a line writes: runs of five steps with three measurements each, 28 entries a run, about 190 bytes of body.
struct Sample {
    NewEntry entry;
    // for the raw side, made beforehand
    QByteArray kind, run, device, body;
    int index = 0;
};

std::vector<Sample> samples(int runs, int firstUnit)
{
    std::vector<Sample> made;
    const auto t = [](const char *text) { return QString::fromUtf8(text); };
    for (int i = 0; i < runs; ++i) {
        const int unit = firstUnit + i;
        const QString device = QStringLiteral("T1-%1").arg(unit, 8, 10, QLatin1Char('0'));
        const QString run = QStringLiteral("%1-0000-4000-8000-%2")
                                .arg(quint32(unit) * 2654435761U, 8, 16, QLatin1Char('0'))
                                .arg(unit, 12, 10, QLatin1Char('0'));
        const auto add = [&](const char *kind, int index, QCborMap body) {
            Sample sample{{t(kind), run, device, body}, kind, run.toUtf8(), device.toUtf8(),
                          toDeterministicCbor(body),    index};
            made.push_back(std::move(sample));
        };
        add("run.begun", 0,
            {{t("slot"), t("7")},
             {t("recipe"), t("Thermostat T1, final assembly")},
             {t("recipe-version"), t("3")},
             {t("recipe-sha256"), QByteArray(32, 'r')},
             {t("signed"), true},
             {t("driver"), t("smp")},
             {t("port"), t("/dev/serial/by-path/pci-0000:00:14.0-usb-0:7:1.0")},
             {t("mode"), t("production")},
             {t("attempt"), 1},
             {t("operator"), t("Ada")}});
        for (int step = 0; step < 5; ++step) {
            add("step.begun", step,
                {{t("index"), step}, {t("step"), t("measure")}, {t("name"), t("Supply and current")}});
            for (int m = 0; m < 3; ++m) {
                add("measurement", step,
                    {{t("index"), step},
                     {t("name"), t("supply voltage")},
                     {t("value"), 3.2 + m * 0.013},
                     {t("unit"), t("V")},
                     {t("low"), 3.2},
                     {t("high"), 3.4},
                     {t("marginal"), false},
                     {t("verdict"), t("PASS")}});
            }
            add("step.ended", step,
                {{t("index"), step},
                 {t("step"), t("measure")},
                 {t("name"), t("Supply and current")},
                 {t("verdict"), t("PASS")},
                 {t("seconds"), 0.173},
                 {t("summary"), t("3 values within their limits, the nearest at 12 percent of its span")}});
        }
        add("run.ended", 0,
            {{t("verdict"), t("PASS")},
             {t("sentence"), t("All steps passed.")},
             {t("seconds"), 12.5},
             {t("step"), 4},
             {t("irreversible"), true}});
    }
    return made;
}

// Each group's last entry is waited for, while the next group is being made: as several slots at work do it.
double oursRate(const QString &path, std::vector<Sample> made, int group)
{
    const auto journal = Journal::open(path, std::make_shared<Signer>());
    const auto start = Clock::now();
    std::future<qint64> before;
    for (size_t i = 0; i < made.size();) {
        std::future<qint64> last;
        for (int n = 0; n < group && i < made.size(); ++n, ++i)
            last = journal->append(std::move(made[i].entry));
        if (before.valid())
            before.get();
        before = std::move(last);
    }
    before.get();
    return double(made.size()) / since(start);
}

// One caller that waits for every entry.
double durableRate(const QString &path, std::vector<Sample> made)
{
    const auto journal = Journal::open(path, std::make_shared<Signer>());
    const auto start = Clock::now();
    for (Sample &sample : made)
        journal->appendDurably(std::move(sample.entry));
    return double(made.size()) / since(start);
}

// As a line does: many slots at once, nobody waits but at the end; the writer groups as it likes.
double freeRate(const QString &path, std::vector<Sample> made)
{
    const auto journal = Journal::open(path, std::make_shared<Signer>());
    const auto start = Clock::now();
    for (Sample &sample : made)
        journal->append(std::move(sample.entry));
    journal->flush();
    return double(made.size()) / since(start);
}

double rawRate(const QString &path, const std::vector<Sample> &made, int group, bool projections)
{
    Database db(path, Database::Access::Write);
    prepareJournal(db);
    if (!projections)
        db.run("DROP INDEX entry_run; DROP INDEX entry_device");
    Statement begin(db, "BEGIN IMMEDIATE");
    Statement commit(db, "COMMIT");
    Statement entry(
        db, "INSERT INTO entry(seq, at, kind, run, device, body, prev, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
            "?8)");
    Statement device(
        db, "INSERT INTO device(mode, serial, first_entry, last_entry, first_at, last_at, runs, last_run, verdict) "
            "VALUES('production', ?2, ?3, ?3, ?4, ?4, 1, ?6, NULL) ON CONFLICT(mode, serial) DO UPDATE SET "
            "last_entry = ?3, last_at = ?4, runs = runs + 1, last_run = ?6, verdict = NULL");
    Statement deviceVerdict(
        db, "UPDATE device SET last_entry = ?3, last_at = ?4, verdict = 'PASS' WHERE mode = 'production' "
            "AND serial = ?2 AND last_run = ?6");
    Statement runBegun(
        db, "INSERT OR IGNORE INTO run(id, entry, device, mode, begun_at, slot, recipe, recipe_version, "
            "recipe_sha256, signed, driver, port, attempt, operator) VALUES(?1, ?2, ?3, 'production', ?4, ?5, "
            "?6, '3', ?7, 1, 'smp', ?8, 1, 'Ada')");
    Statement runEnded(
        db, "UPDATE run SET ended_entry = ?2, ended_at = ?3, verdict = 'PASS', sentence = ?4, seconds = 12.5, "
            "step = 4, irreversible = 1 WHERE id = ?1");
    Statement stepBegun(
        db, "INSERT INTO step(run, entry, begun_at, idx, step, name, tries) VALUES(?1, ?2, ?3, ?4, 'measure', "
            "?5, 1) ON CONFLICT(run, idx) DO UPDATE SET tries = tries + 1");
    Statement stepEnded(
        db, "INSERT INTO step(run, entry, ended_entry, ended_at, idx, step, name, verdict, seconds, summary, "
            "tries) VALUES(?1, ?2, ?2, ?3, ?4, 'measure', ?5, 'PASS', 0.173, ?6, 1) ON CONFLICT(run, idx) DO "
            "UPDATE SET ended_entry = ?2, ended_at = ?3, verdict = 'PASS', seconds = 0.173, summary = ?6");
    Statement measurement(db,
                          "INSERT INTO measurement(run, entry, idx, name, value, unit, low, high, marginal, verdict) "
                          "VALUES(?1, ?2, ?3, ?4, ?5, 'V', 3.2, 3.4, 0, 'PASS')");
    const QByteArray at = "2026-11-21T14:32:07.114Z";
    const QByteArray hash(32, 'h');
    const QByteArray recipeHash(64, 'a');
    const auto start = Clock::now();
    qint64 seq = 0;
    for (size_t i = 0; i < made.size();) {
        begin.run();
        for (int n = 0; n < group && i < made.size(); ++n, ++i) {
            const Sample &s = made[i];
            ++seq;
            if (projections && s.kind == "run.begun") {
                runBegun.bindText(1, s.run).bind(2, seq).bindText(3, s.device).bindText(4, at).bindText(5, "7");
                runBegun.bindText(6, "Thermostat T1, final assembly").bindText(7, recipeHash);
                runBegun.bindText(8, "/dev/serial/by-path/pci-0000:00:14.0-usb-0:7:1.0").run();
                device.bindText(2, s.device).bind(3, seq).bindText(4, at).bindText(6, s.run).run();
            } else if (projections && s.kind == "run.ended") {
                runEnded.bindText(1, s.run).bind(2, seq).bindText(3, at).bindText(4, "All steps passed.").run();
                deviceVerdict.bindText(2, s.device).bind(3, seq).bindText(4, at).bindText(6, s.run).run();
            } else if (projections && s.kind == "step.begun") {
                stepBegun.bindText(1, s.run).bind(2, seq).bindText(3, at).bind(4, qint64(s.index));
                stepBegun.bindText(5, "Supply and current").run();
            } else if (projections && s.kind == "step.ended") {
                stepEnded.bindText(1, s.run).bind(2, seq).bindText(3, at).bind(4, qint64(s.index));
                stepEnded.bindText(5, "Supply and current");
                stepEnded.bindText(6, "3 values within their limits, the nearest at 12 percent of its span").run();
            } else if (projections && s.kind == "measurement") {
                measurement.bindText(1, s.run).bind(2, seq).bind(3, qint64(s.index));
                measurement.bindText(4, "supply voltage").bind(5, 3.213).run();
            }
            entry.bind(1, seq).bindText(2, at).bindText(3, s.kind).bindText(4, s.run).bindText(5, s.device);
            entry.bindBlob(6, s.body).bindBlob(7, hash).bindBlob(8, hash).run();
        }
        commit.run();
    }
    return double(made.size()) / since(start);
}

void writing(const QString &folder)
{
    constexpr int rounds = 3;
    printf("%-34s %12s %12s %12s %8s %8s\n", "durable entries per second", "raw, same", "raw, entries", "journal",
           "of same", "of entr.");
    for (const int group : {1, 16, 64, 512}) {
        const int runs = group == 1 ? 40 : group == 16 ? 300 : 1000;
        const std::vector<Sample> made = samples(runs, 1);
        std::vector<double> same, alone, ours;
        for (int round = 0; round < rounds; ++round) { // in turns, so that a slow moment of the disk hits all
            const auto name = [&](const char *what) {
                return folder + QStringLiteral("/%1-%2-%3.db").arg(L1(what)).arg(group).arg(round);
            };
            same.push_back(rawRate(name("same"), made, group, true));
            alone.push_back(rawRate(name("alone"), made, group, false));
            ours.push_back(group == 1 ? durableRate(name("ours"), samples(runs, 1))
                                      : oursRate(name("ours"), samples(runs, 1), group));
        }
        const auto best = [](const std::vector<double> &v) { return *std::max_element(v.begin(), v.end()); };
        printf("  %3d in a transaction %11s %12.0f %12.0f %12.0f %6.0f %% %6.0f %%\n", group, "", best(same),
               best(alone), best(ours), 100 * best(ours) / best(same), 100 * best(ours) / best(alone));
        fflush(stdout);
    }
    printf("  no caller waits, groups as they come %33s %9.0f\n", "",
           freeRate(folder + QStringLiteral("/free.db"), samples(1000, 1)));
}

void lookup(const QString &folder, int steps)
{
    constexpr int stepsARun = 8;
    constexpr int asked = 300;
    const QString path = folder + QStringLiteral("/large.db");
    const int units = steps / stepsARun;
    const auto start = Clock::now();
    const auto t = [](const char *text) { return QString::fromUtf8(text); };
    const auto device = [](int unit) { return QStringLiteral("T1-%1").arg(unit, 8, 10, QLatin1Char('0')); };
    const auto signer = std::make_shared<Signer>();
    {
        const auto journal = Journal::open(path, signer);
        for (int unit = 0; unit < units; ++unit) {
            const QString run = QStringLiteral("%1-0000-4000-8000-%2")
                                    .arg(quint32(unit) * 2654435761U, 8, 16, QLatin1Char('0'))
                                    .arg(unit, 12, 10, QLatin1Char('0'));
            journal->append(
                {t("run.begun"), run, device(unit), {{t("recipe"), t("Thermostat T1")}, {t("mode"), t("production")}}});
            for (int i = 0; i < stepsARun; ++i)
                journal->append(
                    {t("step.ended"),
                     run,
                     device(unit),
                     {{t("index"), i}, {t("step"), t("measure")}, {t("verdict"), t("PASS")}, {t("seconds"), 0.2}}});
            journal->append({t("run.ended"), run, device(unit), {{t("verdict"), t("PASS")}, {t("seconds"), 2.0}}});
            if (unit % 1000 == 0)
                journal->flush();
        }
    }
    const double took = since(start);
    JournalReader reader(path);
    printf("one unit among %lld steps (%lld entries, written in %.0f s)\n",
           static_cast<long long>(reader.database().number("SELECT count(*) FROM step")),
           static_cast<long long>(reader.lastEntry()), took);
    std::mt19937 random(1);
    std::vector<double> times;
    for (int i = 0; i < asked; ++i) {
        const QString serial = device(int(random() % unsigned(units)));
        const auto begun = Clock::now();
        const auto unit = reader.unit(Mode::Production, serial);
        qsizetype found = 0;
        for (const RunRow &run : reader.runsOf(Mode::Production, serial))
            found += qsizetype(reader.stepsOf(run.id).size());
        EntryFilter filter;
        filter.device = serial;
        const auto entries = reader.entries(filter);
        times.push_back(since(begun) * 1e3);
        if (!unit || found != stepsARun || entries.size() != stepsARun + 2)
            printf("  WRONG ANSWER for %s\n", qPrintable(serial));
    }
    std::sort(times.begin(), times.end());
    printf("  its runs, steps and entries: median %.2f ms, 99 %% below %.2f ms, worst %.2f ms (goal 5 ms)\n",
           times[asked / 2], times[asked * 99 / 100], times.back());

    constexpr int proofs = 3;
    const JournalVerifier verifier = JournalVerifier::fromDer(signer->publicKeyDer());
    std::vector<double> proving;
    for (int i = 0; i < proofs; ++i) {
        const auto begun = Clock::now();
        const std::optional<Checkpoint> headFile = readHeadFile(path);
        const Snapshot snapshot(reader.database());
        proveUnit(reader.database(), headFile, device(int(random() % unsigned(units))), verifier);
        proving.push_back(since(begun));
    }
    const auto begun = Clock::now();
    const bool good = verifyJournal(path, &verifier).good();
    printf("  proved before its passport is signed: best of %d %.2f s; all of the journal verified: %.2f s%s\n", proofs,
           *std::min_element(proving.begin(), proving.end()), since(begun), good ? "" : ", NOT GOOD");
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOption({QStringLiteral("steps"), QStringLiteral("Steps in the journal that is looked into"),
                      QStringLiteral("N"), QStringLiteral("1000000")});
    parser.addOption({QStringLiteral("folder"), QStringLiteral("Where to write (default: the current folder)"),
                      QStringLiteral("DIR"), QStringLiteral(".")});
    parser.process(application);
    const QTemporaryDir folder(
        QDir(parser.value(QStringLiteral("folder"))).filePath(QStringLiteral("bench-journal-XXXXXX")));
    if (!folder.isValid()) {
        fprintf(stderr, "cannot write here\n");
        return 2;
    }
    writing(folder.path());
    if (const int steps = parser.value(QStringLiteral("steps")).toInt(); steps > 0)
        lookup(folder.path(), steps);
    return 0;
}
