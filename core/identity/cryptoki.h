#pragma once
// A PKCS#11 module (Cryptoki 2.40) in this process: loaded once per shared library, initialized for use by several
// threads, finalized when nobody holds it any more. Room-internal. Throws issuer.token-module.

#include <QString>

#include <p11-kit/pkcs11.h>

#include <memory>

namespace slipway {

class CryptokiModule
{
public:
    // The same object for the same library, as long as anybody holds it.
    static std::shared_ptr<CryptokiModule> load(const QString &library);
    ~CryptokiModule();
    CryptokiModule(const CryptokiModule &) = delete;
    CryptokiModule &operator=(const CryptokiModule &) = delete;

    // Initializes it anew, because some (SoftHSM2) look for tokens only then and do not see one that another program is
    // just writing. False, and nothing is done, where anybody else holds the module or it was initialized elsewhere.
    static bool lookAgain(const std::shared_ptr<CryptokiModule> &module);

    const CK_FUNCTION_LIST *operator->() const { return m_functions; }
    QString library() const { return m_library; }

private:
    CryptokiModule() = default;
    void *m_handle = nullptr;
    CK_FUNCTION_LIST *m_functions = nullptr;
    bool m_initialized = false; // by us
    QString m_library;
};

// "CKR_PIN_INCORRECT", for the log.
QString returnValueName(CK_RV value);
// Text of fixed length, padded with spaces.
QString paddedText(const CK_UTF8CHAR *text, size_t length);

} // namespace slipway
