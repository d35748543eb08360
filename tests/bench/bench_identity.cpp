// How fast identities are issued, against `openssl speed ecdsap256` in the same run.
//
//   bench_identity [COUNT]
//
// `openssl speed` counts the processor time of one core, so rates here are per second of processor time, too: "one
// core" by that of all threads together, "two cores" by that of the busier side where the signing thread and the
// journal's thread run side by side, as they do in a station. The wall-clock rate of this very run stands last; it
// depends on what else the machine does, and on its disk. The journal is a real one with synchronous=FULL in the
// current folder.

#include "core/base/files.h"
#include "core/identity/authority.h"
#include "core/identity/check.h"
#include "core/identity/signingkey.h"
#include "core/steps/identityissue.h"
#include "tests/support/requests.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

using namespace slipway;

namespace {

double processorSeconds(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

struct Rate {
    double oneCore = 0;
    double twoCores = 0;
    double wall = 0;
    double ownMicroseconds = 0, otherMicroseconds = 0; // processor time each: this thread, all others
};

template <typename Function> Rate measured(size_t count, Function function)
{
    QElapsedTimer timer;
    timer.start();
    const double allBefore = processorSeconds(CLOCK_PROCESS_CPUTIME_ID);
    const double ownBefore = processorSeconds(CLOCK_THREAD_CPUTIME_ID);
    function();
    const double own = processorSeconds(CLOCK_THREAD_CPUTIME_ID) - ownBefore;
    const double all = processorSeconds(CLOCK_PROCESS_CPUTIME_ID) - allBefore;
    const auto n = double(count);
    return {n / all, n / std::max(own, all - own), n * 1e9 / double(timer.nsecsElapsed()), own * 1e6 / n,
            (all - own) * 1e6 / n};
}

struct Speed {
    double sign = 0, verify = 0;
};

Speed opensslSpeed()
{
    QProcess openssl;
    openssl.setStandardErrorFile(QProcess::nullDevice());
    openssl.start(QStringLiteral("openssl"), {QStringLiteral("speed"), QStringLiteral("-seconds"), QStringLiteral("2"),
                                              QStringLiteral("ecdsap256")});
    openssl.waitForFinished(60'000);
    static const QRegularExpression line(
        QStringLiteral("\\(nistp256\\)\\s+[0-9.]+s\\s+[0-9.]+s\\s+([0-9.]+)\\s+([0-9.]+)"));
    const auto match = line.match(QString::fromLatin1(openssl.readAllStandardOutput()));
    return {match.captured(1).toDouble(), match.captured(2).toDouble()};
}

void print(const char *what, const Rate &rate, const Speed &speed)
{
    std::printf("  %-55s", what);
    for (const auto &[name, value] :
         {std::pair("one core", rate.oneCore), {"two cores", rate.twoCores}, {"wall", rate.wall}})
        std::printf("  %s %6.0f/s %5.1f %%", name, value, 100 * value / speed.sign);
    std::printf("\n");
}

// What `openssl speed` does: signatures over a digest.
void signDigests(const SigningKey &key, size_t count)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(nullptr, key.key(), nullptr);
    EVP_PKEY_sign_init(context);
    std::array<unsigned char, 32> digest{7};
    std::array<unsigned char, 80> signature{};
    for (size_t i = 0; i < count; ++i) {
        size_t length = signature.size();
        EVP_PKEY_sign(context, signature.data(), &length, digest.data(), digest.size());
    }
    EVP_PKEY_CTX_free(context);
}

// Processors change their speed from one second to the next: bare signatures and certificates take turns, and what
// counts is the middle one of the ratios.
void sideBySide(const SigningKey &key, Issuer &issuer, std::vector<IssueOrder> &orders, const QString &journalPath)
{
    const auto journal = Journal::open(journalPath, nullptr);
    const size_t turns = 10;
    const size_t each = orders.size() / turns;
    std::vector<double> signing, busier, together;
    for (size_t turn = 0; turn < turns && each > 0; ++turn) {
        const double before = measured(each, [&] { signDigests(key, each); }).oneCore;
        const std::span<IssueOrder> some(orders.data() + turn * each, each);
        const Rate rate = measured(each, [&] { (void)issueBatchRecorded(*journal, issuer, some, {}, Task{}); });
        const double bare = (before + measured(each, [&] { signDigests(key, each); }).oneCore) / 2;
        signing.push_back(1e6 / rate.ownMicroseconds / bare);
        busier.push_back(rate.twoCores / bare);
        together.push_back(rate.oneCore / bare);
    }
    const auto print = [](const char *what, std::vector<double> &ratios) {
        std::sort(ratios.begin(), ratios.end());
        std::printf("    %-40s %5.1f %% (%.1f to %.1f)\n", what, 100 * ratios[ratios.size() / 2], 100 * ratios.front(),
                    100 * ratios.back());
    };
    std::printf("  certificates with journal batch in turns with bare signatures, middle one of %zu:\n", turns);
    print("per core that signs", signing);
    print("per busier core of two", busier);
    print("all work counted on one core", together);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const size_t count = argc > 1 ? QByteArray(argv[1]).toULongLong() : 20'000;
    QTemporaryDir folder(QDir::currentPath() + QStringLiteral("/bench_identity-XXXXXX"));
    const auto file = [&](const char *name) { return folder.filePath(QString::fromLatin1(name)); };

    const KeyAndCertificate ca = createDeviceCa(QStringLiteral("Bench"), {});
    writeFile(file("ca.key"), ca.keyPem, Access::OwnerOnly);
    writeFile(file("ca.pem"), ca.certificatePem);
    const auto issuer = FileIssuer::open(file("ca.key"), file("ca.pem"));
    const auto key = SigningKey::open(file("ca.key"), file("ca.pem"));
    const QString profileFile = QStringLiteral(SLIPWAY_SAMPLES "/profiles/t1.yaml");
    const Profile profile = Profile::parse(readFile(profileFile, 65536, QStringLiteral("a profile")), profileFile);

    std::printf("Making %zu keys and requests ...\n", count);
    std::vector<QByteArray> requests;
    std::vector<QString> serials;
    for (size_t i = 0; i < count; ++i) {
        serials.push_back(QStringLiteral("T1-%1").arg(i + 1, 8, 10, QLatin1Char('0')));
        requests.push_back(test::makeRequest(test::newTestKey().get(), serials.back()));
    }
    std::vector<IssueOrder> orders(count);
    const auto fill = [&] {
        for (size_t i = 0; i < count; ++i) {
            orders[i].request = CertificateRequest::parse(requests[i]);
            orders[i].profile = profile;
            orders[i].serial = serials[i];
            orders[i].mudUrl = QStringLiteral("https://mud.example/t1/1.4.json");
        }
    };

    const Speed first = opensslSpeed();
    std::printf("openssl speed ecdsap256: %.0f sign/s, %.0f verify/s\n", first.sign, first.verify);

    const QByteArray message(450, 'x');
    print("raw signatures over 450 bytes, hash included",
          measured(count,
                   [&] {
                       for (size_t i = 0; i < count; ++i)
                           (void)key->sign(message);
                   }),
          first);
    const Rate verification = measured(count, fill);
    std::printf("  %-55s  one core %6.0f/s %5.1f %% of openssl's verifications\n", "requests read, signature verified",
                verification.oneCore, 100 * verification.oneCore / first.verify);
    std::vector<IssuedCertificate> issued(count);
    print("issue: fields checked, certificate made, read again",
          measured(count,
                   [&] {
                       for (size_t i = 0; i < count; ++i)
                           issued[i] = issuer->issue(orders[i], Task{});
                   }),
          first);

    size_t good = 0;
    const auto batch = [&](const char *name) {
        const auto journal = Journal::open(file(name), nullptr);
        good = 0;
        for (const BatchItem &item : issueBatchRecorded(*journal, *issuer, orders, {}, Task{}))
            good += item.certificate.has_value();
    };
    const Rate recorded = measured(count, [&] { batch("a.db"); });
    print("issue with field checks, look-ups and journal batch", recorded, first);
    std::printf("    of each, %.1f us on the signing thread, %.1f us on the journal's\n", recorded.ownMicroseconds,
                recorded.otherMicroseconds);
    if (good != count)
        return std::fprintf(stderr, "only %zu of %zu were issued\n", good, count), 1;
    sideBySide(*key, *issuer, orders, file("c.db"));
    const Rate whole = measured(count, [&] {
        fill();
        batch("b.db");
    });
    print("the same with each request's signature verified", whole, first);
    const double ceiling = 1 / (1 / first.sign + 1 / first.verify);
    std::printf(
        "  one verification and one signature cannot be faster than %.0f /s on one core: this is %.1f %% of that\n",
        ceiling, 100 * whole.oneCore / ceiling);
    const Speed second = opensslSpeed();
    std::printf("openssl speed ecdsap256 again: %.0f sign/s, %.0f verify/s\n", second.sign, second.verify);
    if (!allHold(checkCertificate(issued.back().der, profile, issuer->chain())))
        return std::fprintf(stderr, "%s\n",
                            qPrintable(whatDoesNotHold(checkCertificate(issued.back().der, profile, issuer->chain())))),
               1;
    return 0;
}
