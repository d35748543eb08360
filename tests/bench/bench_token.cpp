// Certificates through a PKCS#11 token (SoftHSM2) against what the token itself signs in the same run, by as many
// threads, called directly and with nothing around it.
//
//   bench_token [COUNT]

#include "core/base/files.h"
#include "core/identity/check.h"
#include "core/steps/identityissue.h"
#include "tests/support/requests.h"
#include "tests/support/softtoken.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <cstdio>
#include <cstring>
#include <thread>

using namespace slipway;

namespace {

// Signatures per second of wall-clock time by so many threads, each with a session of its own.
double rawRate(size_t count, int threads)
{
    void *library = ::dlopen(test::SoftToken::module, RTLD_NOW | RTLD_LOCAL);
    CK_FUNCTION_LIST *p11 = nullptr;
    reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"))(&p11);
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    p11->C_Initialize(&arguments);
    CK_SLOT_ID slots[8];
    CK_ULONG slotCount = 8;
    p11->C_GetSlotList(CK_TRUE, slots, &slotCount);
    CK_SESSION_HANDLE first = 0;
    p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &first);
    unsigned char pin[] = "1234";
    p11->C_Login(first, CKU_USER, pin, 4);
    CK_OBJECT_CLASS keyClass = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted{CKA_CLASS, &keyClass, sizeof keyClass};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG found = 0;
    p11->C_FindObjectsInit(first, &wanted, 1);
    p11->C_FindObjects(first, &key, 1, &found);
    p11->C_FindObjectsFinal(first);
    QElapsedTimer timer;
    timer.start();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t) {
        pool.emplace_back([&] {
            CK_SESSION_HANDLE session = 0;
            p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION, nullptr, nullptr, &session);
            unsigned char digest[32], signature[64];
            std::memset(digest, 7, sizeof digest);
            for (size_t i = 0; i < count / size_t(threads); ++i) {
                CK_MECHANISM how{CKM_ECDSA, nullptr, 0};
                CK_ULONG length = sizeof signature;
                p11->C_SignInit(session, &how, key);
                p11->C_Sign(session, digest, sizeof digest, signature, &length);
            }
            p11->C_CloseSession(session);
        });
    }
    for (std::thread &thread : pool)
        thread.join();
    const double rate = double(count) * 1e9 / double(timer.nsecsElapsed());
    p11->C_Finalize(nullptr);
    return rate;
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const size_t count = argc > 1 ? QByteArray(argv[1]).toULongLong() : 8'000;
    test::SoftToken token;
    if (!token.good || !token.key("ca", "EC:prime256v1", "01") || !token.authority("ca"))
        return std::fprintf(stderr, "%s\n", token.output.constData()), 1;
    const QString profileFile = QStringLiteral(SLIPWAY_SAMPLES "/profiles/t1.yaml");
    const Profile profile = Profile::parse(readFile(profileFile, 65536, QStringLiteral("a profile")), profileFile);
    std::vector<IssueOrder> orders(count);
    for (size_t i = 0; i < count; ++i) {
        orders[i].serial = QStringLiteral("T1-%1").arg(i + 1, 8, 10, QLatin1Char('0'));
        orders[i].request = CertificateRequest::parse(test::makeRequest(test::newTestKey().get(), orders[i].serial));
        orders[i].profile = profile;
        orders[i].mudUrl = QStringLiteral("https://mud.example/t1/1.4.json");
    }
    const double one = rawRate(count, 1), two = rawRate(count, 2), four = rawRate(count, 4);
    std::printf("C_Sign directly: 1 thread %.0f/s, 2 threads %.0f/s, 4 threads %.0f/s\n", one, two, four);
    const double best = std::max({one, two, four});
    QTemporaryDir folder(QDir::currentPath() + QStringLiteral("/bench_token-XXXXXX"));
    SecretSource pin;
    pin.ask = [](const QString &) { return QByteArray("1234"); };
    const auto issuer = FileIssuer::open(token.uri("ca"), token.path("ca.pem"), {}, pin);
    const auto journal = Journal::open(folder.filePath("journal.db"), nullptr);
    QElapsedTimer timer;
    timer.start();
    const auto items = issueBatchRecorded(*journal, *issuer, orders, {}, Task{});
    const double issued = double(count) * 1e9 / double(timer.nsecsElapsed());
    for (const BatchItem &item : items) {
        if (!item.certificate)
            return std::fprintf(stderr, "%s\n", qPrintable(item.fault->sentence())), 1;
    }
    if (!allHold(checkCertificate(items.back().certificate->der, profile, issuer->chain())))
        return std::fprintf(stderr, "a certificate does not hold\n"), 1;
    std::printf("certificates with journal batch: %.0f/s, %.1f %% of the best of these, %.1f %% of 1 thread\n", issued,
                100 * issued / best, 100 * issued / one);
    const double again = rawRate(count, 1);
    std::printf("C_Sign directly again: 1 thread %.0f/s\n", again);
    return 0;
}
