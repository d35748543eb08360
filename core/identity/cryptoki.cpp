#include "core/identity/cryptoki.h"

#include "core/base/fault.h"

#include <QFile>
#include <QFileInfo>
#include <QHash>

#include <dlfcn.h>

#include <array>
#include <mutex>
#include <utility>

namespace slipway {

namespace {

std::mutex loading; // held while a module is handed out, initialized or finalized

CK_RV initialize(const CK_FUNCTION_LIST *functions)
{
    CK_C_INITIALIZE_ARGS arguments{};
    arguments.flags = CKF_OS_LOCKING_OK;
    return functions->C_Initialize(&arguments);
}

} // namespace

std::shared_ptr<CryptokiModule> CryptokiModule::load(const QString &library)
{
    static QHash<QString, std::weak_ptr<CryptokiModule>> loaded;
    const std::lock_guard lock(loading);
    const QFileInfo file(library);
    const QString path = file.exists() ? file.canonicalFilePath() : library;
    if (auto module = loaded.value(path).lock())
        return module;

    const auto refuse = [&library](const QString &why, const QString &detail = {}) {
        return Fault("issuer.token-module", {library, why}, detail);
    };
    std::shared_ptr<CryptokiModule> module(new CryptokiModule);
    module->m_library = path;
    module->m_handle = ::dlopen(QFile::encodeName(path).constData(), RTLD_NOW | RTLD_LOCAL);
    if (!module->m_handle)
        throw refuse(QStringLiteral("it cannot be loaded"), QString::fromLocal8Bit(::dlerror()));
    const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module->m_handle, "C_GetFunctionList"));
    if (!list || list(&module->m_functions) != CKR_OK || !module->m_functions)
        throw refuse(QStringLiteral("it is no PKCS#11 module"));
    if (module->m_functions->version.major != 2)
        throw refuse(QStringLiteral("it is of Cryptoki version %1").arg(module->m_functions->version.major));
    const CK_RV result = initialize(module->m_functions);
    if (result != CKR_OK && result != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        throw refuse(QStringLiteral("it cannot be initialized"), returnValueName(result));
    module->m_initialized = result == CKR_OK;
    loaded.insert(path, module);
    return module;
}

bool CryptokiModule::lookAgain(const std::shared_ptr<CryptokiModule> &module)
{
    const std::lock_guard lock(loading);
    if (!module->m_initialized || module.use_count() != 1)
        return false;
    module->m_functions->C_Finalize(nullptr);
    module->m_initialized = initialize(module->m_functions) == CKR_OK;
    return module->m_initialized;
}

CryptokiModule::~CryptokiModule()
{
    // Never unloaded: modules leave handlers for the program's end behind.
    if (m_initialized)
        m_functions->C_Finalize(nullptr);
}

QString returnValueName(CK_RV value)
{
    using Name = std::pair<CK_RV, const char *>;
    static constexpr std::array<Name, 33> names{{
        {CKR_CANCEL, "CKR_CANCEL"},
        {CKR_HOST_MEMORY, "CKR_HOST_MEMORY"},
        {CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID"},
        {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR"},
        {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED"},
        {CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD"},
        {CKR_CANT_LOCK, "CKR_CANT_LOCK"},
        {CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID"},
        {CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE"},
        {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR"},
        {CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY"},
        {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED"},
        {CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED"},
        {CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID"},
        {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT"},
        {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED"},
        {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID"},
        {CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID"},
        {CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE"},
        {CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED"},
        {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT"},
        {CKR_PIN_INVALID, "CKR_PIN_INVALID"},
        {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE"},
        {CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED"},
        {CKR_PIN_LOCKED, "CKR_PIN_LOCKED"},
        {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED"},
        {CKR_SESSION_COUNT, "CKR_SESSION_COUNT"},
        {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID"},
        {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT"},
        {CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED"},
        {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN"},
        {CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED"},
        {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED"},
    }};
    for (const auto &[code, name] : names) {
        if (code == value)
            return QString::fromLatin1(name);
    }
    return QStringLiteral("0x%1").arg(quint64(value), 8, 16, QLatin1Char('0'));
}

QString paddedText(const CK_UTF8CHAR *text, size_t length)
{
    QString words = QString::fromUtf8(reinterpret_cast<const char *>(text), qsizetype(length));
    while (words.endsWith(u' ') || words.endsWith(QChar(0)))
        words.chop(1);
    return words;
}

} // namespace slipway
