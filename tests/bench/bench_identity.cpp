// How fast identities are issued, against `openssl speed ecdsap256` in the same run.
//
//   bench_identity [COUNT]
//
// `openssl speed` counts the processor time of one core, so rates here are also per second of processor time, of all
// threads together: what one core yields. The wall-clock rate, where signing and the journal's thread run side by side,
// stands beside it. The journal is a real one with synchronous=FULL on the disk of the current folder.

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

#include <cstdio>
#include <ctime>

using namespace slipway;

namespace {

double processorSeconds()
{
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
}

struct Rate {
    double perCore = 0; // per second of processor time
    double wall = 0;    // per second
};

template <typename Function> Rate measured(size_t count, Function function)
{
    QElapsedTimer timer;
    timer.start();
    const double before = processorSeconds();
    function();
    const double used = processorSeconds() - before;
    return {double(count) / used, double(count) * 1e9 / double(timer.nsecsElapsed())};
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
    std::printf("  %-58s %7.0f /s of one core  %5.1f %%    %7.0f /s wall  %5.1f %%\n", what, rate.perCore,
                100 * rate.perCore / speed.sign, rate.wall, 100 * rate.wall / speed.sign);
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
    std::printf("  %-58s %7.0f /s of one core  %5.1f %% of openssl's verifications\n",
                "requests read, signature verified", verification.perCore, 100 * verification.perCore / first.verify);
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
    print("issue with field checks, look-ups and journal batch", measured(count, [&] { batch("a.db"); }), first);
    if (good != count)
        return std::fprintf(stderr, "only %zu of %zu were issued\n", good, count), 1;
    const Rate whole = measured(count, [&] {
        fill();
        batch("b.db");
    });
    print("the same with each request's signature verified", whole, first);
    const double ceiling = 1 / (1 / first.sign + 1 / first.verify);
    std::printf(
        "  one verification and one signature cannot be faster than %.0f /s on one core: this is %.1f %% of that\n",
        ceiling, 100 * whole.perCore / ceiling);
    const Speed second = opensslSpeed();
    std::printf("openssl speed ecdsap256 again: %.0f sign/s, %.0f verify/s\n", second.sign, second.verify);
    if (!allHold(checkCertificate(issued.back().der, profile, issuer->chain())))
        return std::fprintf(stderr, "%s\n",
                            qPrintable(whatDoesNotHold(checkCertificate(issued.back().der, profile, issuer->chain())))),
               1;
    return 0;
}
