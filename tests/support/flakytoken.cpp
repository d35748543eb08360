// A PKCS#11 module between a program and SoftHSM2 that behaves as real tokens do when somebody pulls them: for tests
// alone. The folder named by SLIPWAY_FLAKY_TOKEN says what happens:
//   removed    as long as this file is there the token is not: no slot has it, sessions are gone
//   next       holds a word: what happens at the next signature, once. "sessions": all are closed behind the program's
//              back; "logout": the login is; "removed": CKR_DEVICE_REMOVED; "error": CKR_DEVICE_ERROR;
//              "general": CKR_GENERAL_ERROR
//   logins     a line is written for each C_Login: "right" or "wrong"
// As many tokens do, and SoftHSM2 does not, it locks the PIN at the third wrong one, and counts in CK_TOKEN_INFO.

#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <string>

namespace {

CK_FUNCTION_LIST *real = nullptr;
CK_FUNCTION_LIST ours;
std::atomic<bool> gone{false};
std::atomic<CK_SLOT_ID> usedSlot{0};
std::shared_mutex inUse; // SoftHSM2 does not bear it when a session is closed while it signs

std::string place(const char *name)
{
    const char *folder = std::getenv("SLIPWAY_FLAKY_TOKEN");
    return folder ? std::string(folder) + '/' + name : std::string("/nowhere");
}

bool isRemoved()
{
    if (::access(place("removed").c_str(), F_OK) != 0) {
        gone = false;
        return false;
    }
    if (!gone.exchange(true)) {
        const std::unique_lock alone(inUse);
        real->C_CloseAllSessions(usedSlot);
    }
    return true;
}

std::string content(const char *name)
{
    std::string text;
    const int fd = ::open(place(name).c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t n = 0; fd >= 0 && (n = ::read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, size_t(n));
    if (fd >= 0)
        ::close(fd);
    return text;
}

// Wrong tries since the last right one, of all processes.
int wrongTries()
{
    const std::string text = content("logins");
    const size_t right = text.rfind("right");
    int wrong = 0;
    for (size_t at = right == std::string::npos ? 0 : right; (at = text.find("wrong", at)) != std::string::npos; ++at)
        ++wrong;
    return wrong;
}

CK_RV getSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    if (isRemoved() && present == CK_TRUE) {
        *count = 0;
        return CKR_OK;
    }
    return real->C_GetSlotList(present, list, count);
}

CK_RV getTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    if (isRemoved())
        return CKR_TOKEN_NOT_PRESENT;
    const CK_RV result = real->C_GetTokenInfo(slot, info);
    const int wrong = wrongTries();
    info->flags &= ~CK_FLAGS(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
    info->flags |= wrong >= 3   ? CKF_USER_PIN_LOCKED
                   : wrong == 2 ? CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY
                   : wrong == 1 ? CKF_USER_PIN_COUNT_LOW
                                : 0;
    return result;
}

CK_RV openSession(CK_SLOT_ID slot, CK_FLAGS flags, void *data, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
    usedSlot = slot;
    return isRemoved() ? CKR_TOKEN_NOT_PRESENT : real->C_OpenSession(slot, flags, data, notify, session);
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length)
{
    if (isRemoved())
        return CKR_DEVICE_REMOVED;
    if (wrongTries() >= 3)
        return CKR_PIN_LOCKED;
    const CK_RV result = real->C_Login(session, user, pin, length);
    if (result == CKR_OK || result == CKR_PIN_INCORRECT) {
        const int fd = ::open(place("logins").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        const char *line = result == CKR_OK ? "right\n" : "wrong\n";
        if (fd >= 0 && ::write(fd, line, std::strlen(line)) > 0)
            ::close(fd);
    }
    return result;
}

CK_RV findObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    if (isRemoved())
        return CKR_DEVICE_REMOVED;
    const std::shared_lock lock(inUse);
    return real->C_FindObjectsInit(session, wanted, count);
}

CK_RV signInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    if (isRemoved())
        return CKR_DEVICE_REMOVED;
    const std::string next = content("next");
    if (!next.empty() && ::unlink(place("next").c_str()) == 0) { // one thread alone gets it
        if (next == "sessions") {
            const std::unique_lock alone(inUse);
            real->C_CloseAllSessions(usedSlot);
        } else if (next == "logout")
            real->C_Logout(session);
        else
            return next == "removed" ? CKR_DEVICE_REMOVED : next == "error" ? CKR_DEVICE_ERROR : CKR_GENERAL_ERROR;
    }
    const std::shared_lock lock(inUse);
    return real->C_SignInit(session, mechanism, key);
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *length)
{
    if (isRemoved())
        return CKR_DEVICE_REMOVED;
    const std::shared_lock lock(inUse);
    return real->C_Sign(session, data, size, signature, length);
}

} // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    void *library = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    const auto get = library ? reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList")) : nullptr;
    if (!get || get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    ours = *real;
    ours.C_GetFunctionList = C_GetFunctionList;
    ours.C_GetSlotList = getSlotList;
    ours.C_GetTokenInfo = getTokenInfo;
    ours.C_OpenSession = openSession;
    ours.C_Login = login;
    ours.C_FindObjectsInit = findObjectsInit;
    ours.C_SignInit = signInit;
    ours.C_Sign = sign;
    *list = &ours;
    return CKR_OK;
}
