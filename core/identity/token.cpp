#include "core/identity/token.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/certificateview.h"
#include "core/identity/cryptoki.h"
#include "core/identity/tokenpkey.h"

#include <QFile>
#include <QHash>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway {

namespace {

constexpr size_t maximumSessions = 16;
constexpr int looks = 4; // for a token that is not there at the first
constexpr auto betweenLooks = std::chrono::milliseconds(40);

// The token, or what it knew of us, is gone; opening everything anew can help.
bool isLoss(CK_RV result)
{
    switch (result) {
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_DEVICE_ERROR:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_SLOT_ID_INVALID:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_GENERAL_ERROR: // what modules of tokens behind a network say
    case CKR_FUNCTION_FAILED:
        return true;
    default:
        return false;
    }
}

// Whether such an answer to C_Login says something of the PIN itself.
bool isOfPin(CK_RV result)
{
    switch (result) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return true;
    default:
        return false;
    }
}

// Held from the question how often a wrong PIN was tried until the answer to ours.
class TurnAtFile
{
public:
    explicit TurnAtFile(const QString &path)
        : m_fd(path.isEmpty() ? -1 : ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    {
        while (m_fd >= 0 && ::flock(m_fd, LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    ~TurnAtFile()
    {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    TurnAtFile(const TurnAtFile &) = delete;
    TurnAtFile &operator=(const TurnAtFile &) = delete;

private:
    const int m_fd;
};

CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const QByteArray &value)
{
    return {type, const_cast<char *>(value.constData()), CK_ULONG(value.size())};
}

} // namespace

// One token in its slot: the login and the sessions. Shared by all keys of it.
class Token
{
public:
    Token(std::shared_ptr<CryptokiModule> module, Pkcs11Uri uri, SecretSource pin)
        : m_module(std::move(module)), m_uri(std::move(uri)), m_pin(std::move(pin))
    {}
    ~Token()
    {
        cleanse(m_pinBytes);
        const std::lock_guard lock(m_mutex);
        closeAllLocked();
    }
    Token(const Token &) = delete;
    Token &operator=(const Token &) = delete;

    static std::shared_ptr<Token> of(const Pkcs11Uri &uri, const SecretSource &pin);

    const CryptokiModule &module() const { return *m_module; }
    QString label() const
    {
        const std::lock_guard lock(m_mutex);
        return m_label;
    }

    // A session of the pool, for one operation; opens, logs in and waits as is needed.
    struct Lease {
        CK_SESSION_HANDLE session = 0;
        quint64 generation = 0; // grows with every opening anew
    };
    Lease take()
    {
        std::unique_lock lock(m_mutex);
        for (;;) {
            if (!m_open)
                openLocked();
            if (!m_idle.empty()) {
                const Lease lease{m_idle.back(), m_generation};
                m_idle.pop_back();
                return lease;
            }
            if (m_sessions < m_limit) {
                const CK_RV result = openSessionLocked();
                if (result == CKR_OK)
                    continue;
                if (result == CKR_SESSION_COUNT && m_sessions > 1)
                    m_limit = m_sessions; // other programs have the rest
                else
                    throw lossLocked(result);
            }
            m_returned.wait(lock);
        }
    }
    void giveBack(const Lease &lease)
    {
        {
            const std::lock_guard lock(m_mutex);
            if (lease.generation != m_generation) {
                (*m_module)->C_CloseSession(lease.session); // it outlived a loss
                return;
            }
            m_idle.push_back(lease.session);
        }
        m_returned.notify_one();
    }
    // After a failure: the session may be in the middle of something.
    void dispose(const Lease &lease)
    {
        {
            const std::lock_guard lock(m_mutex);
            (*m_module)->C_CloseSession(lease.session);
            if (lease.generation != m_generation)
                return;
            --m_sessions;
        }
        m_returned.notify_all();
    }
    // Everything of this generation is void.
    void lose(const Lease &lease)
    {
        {
            const std::lock_guard lock(m_mutex);
            if (lease.generation != m_generation)
                return; // another thread was quicker
            (*m_module)->C_CloseSession(lease.session);
            closeAllLocked();
        }
        m_returned.notify_all();
    }
    Fault loss(CK_RV result) const
    {
        const std::lock_guard lock(m_mutex);
        return lossLocked(result);
    }

private:
    bool matches(CK_SLOT_ID slot, const CK_TOKEN_INFO &info) const
    {
        const auto fits = [](const QString &wanted, const CK_UTF8CHAR *text, size_t length) {
            return wanted.isEmpty() || wanted == paddedText(text, length);
        };
        return (!m_uri.slotId || *m_uri.slotId == slot) && fits(m_uri.token, info.label, sizeof info.label) &&
               fits(m_uri.manufacturer, info.manufacturerID, sizeof info.manufacturerID) &&
               fits(m_uri.model, info.model, sizeof info.model) &&
               fits(m_uri.serial, info.serialNumber, sizeof info.serialNumber) && (info.flags & CKF_TOKEN_INITIALIZED);
    }

    Fault lossLocked(CK_RV result) const
    {
        return Fault("issuer.token-lost", {m_uri.words()}, returnValueName(result));
    }

    // The slot with the token that the URI names; how many there are.
    int findLocked(CK_TOKEN_INFO &token)
    {
        CK_ULONG count = 0;
        std::vector<CK_SLOT_ID> slotIds;
        CK_RV result = (*m_module)->C_GetSlotList(CK_TRUE, nullptr, &count);
        if (result == CKR_OK) {
            slotIds.resize(count + 4); // one may be plugged in meanwhile
            count = CK_ULONG(slotIds.size());
            result = (*m_module)->C_GetSlotList(CK_TRUE, slotIds.data(), &count);
        }
        if (result != CKR_OK)
            throw lossLocked(result);
        slotIds.resize(std::min<size_t>(count, slotIds.size()));
        int found = 0;
        for (const CK_SLOT_ID slot : slotIds) {
            CK_TOKEN_INFO info{};
            if ((*m_module)->C_GetTokenInfo(slot, &info) != CKR_OK || !matches(slot, info))
                continue;
            ++found;
            m_slot = slot;
            token = info;
        }
        return found;
    }

    void openLocked()
    {
        CK_TOKEN_INFO token{};
        int found = findLocked(token);
        // Another program may be writing it in this moment. Later on sessions could still be in use.
        for (int look = 1; found == 0 && !m_seen && look <= looks; ++look) {
            std::this_thread::sleep_for(look * betweenLooks);
            if (!CryptokiModule::lookAgain(m_module))
                break;
            found = findLocked(token);
        }
        if (found != 1) {
            throw Fault("issuer.token-missing",
                        {m_uri.words(), found == 0 ? QStringLiteral("no token of that name is plugged in")
                                                   : QStringLiteral("%1 tokens have that name").arg(found)});
        }
        m_seen = true;
        m_label = paddedText(token.label, sizeof token.label);
        m_limit = maximumSessions;
        if (token.ulMaxSessionCount != CK_EFFECTIVELY_INFINITE && token.ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION)
            m_limit = std::clamp<size_t>(token.ulMaxSessionCount, 1, maximumSessions);
        ++m_generation;
        const CK_RV result = openSessionLocked();
        if (result != CKR_OK)
            throw lossLocked(result);
        try {
            if (token.flags & CKF_LOGIN_REQUIRED) {
                const TurnAtFile turn(m_pin.file);
                if (!m_pin.file.isEmpty() && (*m_module)->C_GetTokenInfo(m_slot, &token) != CKR_OK)
                    throw lossLocked(CKR_TOKEN_NOT_PRESENT);
                loginLocked(token);
            }
        } catch (...) {
            closeAllLocked();
            throw;
        }
        m_open = true;
    }

    // m_mutex is held also while a person is asked: nobody could sign meanwhile anyway, and nobody is asked twice.
    void loginLocked(const CK_TOKEN_INFO &token)
    {
        if (m_pinRefused)
            throw Fault("issuer.token-pin", {m_label, QString()});
        const CK_SESSION_HANDLE session = m_idle.back();
        const auto blocked = [this](const QString &why) { return Fault("issuer.token-pin-blocked", {m_label, why}); };
        if (token.flags & CKF_USER_PIN_LOCKED)
            throw blocked(QStringLiteral("its PIN is locked"));
        if (token.flags & CKF_USER_PIN_FINAL_TRY)
            throw blocked(QStringLiteral("the next wrong PIN locks it"));
        CK_RV result = CKR_OK;
        if (token.flags & CKF_PROTECTED_AUTHENTICATION_PATH) {
            result = (*m_module)->C_Login(session, CKU_USER, nullptr, 0);
        } else {
            if (m_pinBytes.isEmpty()) {
                if ((token.flags & CKF_USER_PIN_COUNT_LOW) && !m_pin.file.isEmpty())
                    throw blocked(QStringLiteral("it was given a wrong PIN before, and this one lies in a file"));
                Secret pin = fetchSecret(m_pin, QStringLiteral("the PIN of token %1").arg(m_label));
                m_pinBytes = pin.bytes;
                m_pinBytes.detach();
            }
            result = (*m_module)->C_Login(session, CKU_USER, reinterpret_cast<CK_UTF8CHAR *>(m_pinBytes.data()),
                                          CK_ULONG(m_pinBytes.size()));
        }
        if (result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN) {
            m_pinTaken = true;
            return;
        }
        // A token that is on its way back may say anything, and the PIN was right before. At the first login an answer
        // that says nothing could mean a wrong PIN.
        const bool saysNothing = result == CKR_GENERAL_ERROR || result == CKR_FUNCTION_FAILED;
        if ((isLoss(result) && !saysNothing) || (m_pinTaken && !isOfPin(result)))
            throw lossLocked(result);
        // Whatever it was: the same PIN is not given to the token again.
        cleanse(m_pinBytes);
        m_pinRefused = true;
        if (result == CKR_PIN_LOCKED)
            throw blocked(QStringLiteral("its PIN is locked"));
        if (result == CKR_PIN_EXPIRED || result == CKR_USER_PIN_NOT_INITIALIZED)
            throw blocked(QStringLiteral("its PIN must be set anew"));
        throw Fault("issuer.token-pin", {m_label, triesLeft()}, returnValueName(result));
    }

    // What the token says of its counter now; PKCS#11 has no number for it.
    QString triesLeft() const
    {
        CK_TOKEN_INFO info{};
        if ((*m_module)->C_GetTokenInfo(m_slot, &info) != CKR_OK)
            return {};
        return info.flags & CKF_USER_PIN_LOCKED      ? QStringLiteral(" No try is left: it is locked.")
               : info.flags & CKF_USER_PIN_FINAL_TRY ? QStringLiteral(" One try is left.")
               : info.flags & CKF_USER_PIN_COUNT_LOW ? QStringLiteral(" More than one try is left.")
                                                     : QString();
    }

    CK_RV openSessionLocked()
    {
        CK_SESSION_HANDLE session = 0;
        const CK_RV result = (*m_module)->C_OpenSession(m_slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
        if (result == CKR_OK) {
            ++m_sessions;
            m_idle.push_back(session);
        }
        return result;
    }

    // With the last session the login ends. One that a thread is using is closed by that thread: not every module
    // survives it when that is done behind a signature's back.
    void closeAllLocked()
    {
        for (const CK_SESSION_HANDLE session : m_idle)
            (*m_module)->C_CloseSession(session);
        m_sessions = 0;
        m_idle.clear();
        m_open = false;
        ++m_generation;
    }

    const std::shared_ptr<CryptokiModule> m_module;
    const Pkcs11Uri m_uri;
    const SecretSource m_pin;
    mutable std::mutex m_mutex;
    std::condition_variable m_returned;
    bool m_open = false;
    bool m_pinRefused = false;
    bool m_pinTaken = false; // by the token, once at least
    QByteArray m_pinBytes;   // kept for the time after a loss
    CK_SLOT_ID m_slot = 0;
    QString m_label;
    size_t m_sessions = 0, m_limit = maximumSessions;
    bool m_seen = false; // it was there once
    quint64 m_generation = 1;
    std::vector<CK_SESSION_HANDLE> m_idle;
};

// Two objects for one token would close each other's sessions and log in twice.
std::shared_ptr<Token> Token::of(const Pkcs11Uri &uri, const SecretSource &pin)
{
    static std::mutex mutex;
    static QHash<QString, std::weak_ptr<Token>> known;
    auto module = CryptokiModule::load(uri.library());
    const QString name =
        QStringList{module->library(), uri.token,  uri.manufacturer,
                    uri.model,         uri.serial, uri.slotId ? QString::number(*uri.slotId) : QString()}
            .join(QChar(0));
    const std::lock_guard lock(mutex);
    if (auto token = known.value(name).lock())
        return token;
    auto token = std::make_shared<Token>(std::move(module), uri, pin);
    known.insert(name, token);
    return token;
}

struct TokenKey::Handle {
    std::mutex mutex;
    CK_OBJECT_HANDLE key = 0;
    quint64 generation = 0; // of the token, for which it holds

    CK_RV find(Token &token, const Token::Lease &lease, const Pkcs11Uri &uri, const QString &keyType,
               CK_OBJECT_HANDLE &out);
};

// The handle of the private key; CKR_OK, a loss, or throws.
CK_RV TokenKey::Handle::find(Token &token, const Token::Lease &lease, const Pkcs11Uri &uri, const QString &keyType,
                             CK_OBJECT_HANDLE &out)
{
    const std::lock_guard lock(mutex);
    if (generation == lease.generation) {
        out = key;
        return CKR_OK;
    }
    const CryptokiModule &module = token.module();
    CK_OBJECT_CLASS keyClass = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = keyType.startsWith(QLatin1String("RSA")) ? CKK_RSA : CKK_EC;
    const QByteArray label = uri.object.toUtf8();
    std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &keyClass, sizeof keyClass}, {CKA_KEY_TYPE, &type, sizeof type}};
    if (!label.isEmpty())
        wanted.push_back(attribute(CKA_LABEL, label));
    if (!uri.id.isEmpty())
        wanted.push_back(attribute(CKA_ID, uri.id));
    CK_RV result = module->C_FindObjectsInit(lease.session, wanted.data(), CK_ULONG(wanted.size()));
    if (result != CKR_OK)
        return result;
    std::array<CK_OBJECT_HANDLE, 2> found{};
    CK_ULONG count = 0;
    result = module->C_FindObjects(lease.session, found.data(), CK_ULONG(found.size()), &count);
    module->C_FindObjectsFinal(lease.session);
    if (result != CKR_OK)
        return result;
    if (count != 1) {
        throw Fault("issuer.token-key", {uri.words(), count == 0 ? QStringLiteral("the token has no such private key")
                                                                 : QStringLiteral("several keys have that name")});
    }
    CK_BBOOL asksEachTime = CK_FALSE;
    CK_ATTRIBUTE each{CKA_ALWAYS_AUTHENTICATE, &asksEachTime, sizeof asksEachTime};
    if (module->C_GetAttributeValue(lease.session, found[0], &each, 1) == CKR_OK && asksEachTime == CK_TRUE)
        throw Fault("issuer.token-key", {uri.words(), QStringLiteral("it wants the PIN for every signature")});
    key = found[0];
    generation = lease.generation;
    out = key;
    return CKR_OK;
}

std::shared_ptr<TokenKey> TokenKey::open(const Pkcs11Uri &uri, const SecretSource &pin, const QByteArray &publicKey)
{
    std::shared_ptr<TokenKey> key(new TokenKey);
    key->m_uri = uri;
    key->m_publicKey = publicKey;
    try {
        QByteArrayView bits;
        key->m_keyType = keyTypeOf(publicKey, &bits);
        key->m_keyBits = bits.toByteArray();
    } catch (const der::Error &) {
        key->m_keyType.clear();
    }
    if (key->m_keyType != u"P-256" && key->m_keyType != u"P-384" && !key->m_keyType.startsWith(QLatin1String("RSA-")))
        throw Fault("issuer.token-key",
                    {uri.words(), QStringLiteral("its certificate is for another kind of key than P-256, P-384, RSA")});
    SecretSource source = pin;
    if (!uri.pinFile.isEmpty())
        source.file = uri.pinFile;
    key->m_token = Token::of(uri, source);
    key->m_handle = std::make_unique<Handle>();
    const Token::Lease lease = key->m_token->take();
    try {
        CK_OBJECT_HANDLE handle = 0;
        const CK_RV result = key->m_handle->find(*key->m_token, lease, uri, key->m_keyType, handle);
        if (result != CKR_OK)
            throw Fault("issuer.token-lost", {uri.words()}, returnValueName(result));
    } catch (...) {
        key->m_token->dispose(lease);
        throw;
    }
    key->m_token->giveBack(lease);
    return key;
}

QByteArray TokenKey::publicKeyOf(const Pkcs11Uri &uri, const SecretSource &pin)
{
    SecretSource source = pin;
    if (!uri.pinFile.isEmpty())
        source.file = uri.pinFile;
    const auto token = Token::of(uri, source);
    const CryptokiModule &module = token->module();
    const Token::Lease lease = token->take();
    const auto refuse = [&](const QString &why, CK_RV result = CKR_OK) {
        token->dispose(lease);
        return Fault("issuer.token-key", {uri.words(), why}, returnValueName(result));
    };
    CK_OBJECT_CLASS keyClass = CKO_PUBLIC_KEY;
    const QByteArray label = uri.object.toUtf8();
    std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &keyClass, sizeof keyClass}};
    if (!label.isEmpty())
        wanted.push_back(attribute(CKA_LABEL, label));
    if (!uri.id.isEmpty())
        wanted.push_back(attribute(CKA_ID, uri.id));
    std::array<CK_OBJECT_HANDLE, 2> found{};
    CK_ULONG count = 0;
    CK_RV result = module->C_FindObjectsInit(lease.session, wanted.data(), CK_ULONG(wanted.size()));
    if (result == CKR_OK) {
        result = module->C_FindObjects(lease.session, found.data(), CK_ULONG(found.size()), &count);
        module->C_FindObjectsFinal(lease.session);
    }
    if (result != CKR_OK)
        throw refuse(QStringLiteral("its public half cannot be looked for"), result);
    if (count != 1) {
        throw refuse(count == 0 ? QStringLiteral("the token has no such public key")
                                : QStringLiteral("several keys have that name"));
    }
    constexpr CK_ULONG longest = 1024;
    const auto read = [&](CK_ATTRIBUTE_TYPE type) {
        QByteArray value(qsizetype(longest), Qt::Uninitialized);
        CK_ATTRIBUTE ask{type, value.data(), longest};
        if (module->C_GetAttributeValue(lease.session, found[0], &ask, 1) != CKR_OK || ask.ulValueLen > longest)
            return QByteArray();
        value.truncate(qsizetype(ask.ulValueLen));
        return value;
    };
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE askType{CKA_KEY_TYPE, &type, sizeof type};
    if (module->C_GetAttributeValue(lease.session, found[0], &askType, 1) != CKR_OK)
        throw refuse(QStringLiteral("its type cannot be read"));
    QByteArray algorithm, bits;
    if (type == CKK_EC) {
        algorithm = der::tlv(der::Oid, oid::view(oid::ecPublicKey)) + read(CKA_EC_PARAMS);
        bits = read(CKA_EC_POINT);
        try { // an OCTET STRING about the point; some modules give the point alone
            bits = der::single(bits, der::OctetString).content.toByteArray();
        } catch (const der::Error &) {
        }
    } else if (type == CKK_RSA) {
        algorithm = der::tlv(der::Oid, oid::view(oid::rsaEncryption)) + der::tlv(der::Null, QByteArrayView());
        bits = der::tlv(der::Sequence,
                        {der::unsignedInteger(read(CKA_MODULUS)), der::unsignedInteger(read(CKA_PUBLIC_EXPONENT))});
    }
    const QByteArray key = der::tlv(
        der::Sequence, {der::tlv(der::Sequence, algorithm), der::tlv(der::BitString, QByteArray(1, '\0') + bits)});
    const unsigned char *p = ssl::data(key);
    const ssl::Key whole(d2i_PUBKEY(nullptr, &p, long(key.size())));
    if (!whole)
        throw refuse(QStringLiteral("it is of another kind than P-256, P-384, RSA"));
    token->giveBack(lease);
    return key;
}

TokenKey::~TokenKey() = default;

QString TokenKey::tokenLabel() const
{
    return m_token->label();
}

QByteArray TokenKey::signWith(unsigned long mechanism, QByteArrayView data, qsizetype limit) const
{
    CK_RV result = CKR_OK;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const Token::Lease lease = m_token->take();
        try {
            CK_OBJECT_HANDLE key = 0;
            result = m_handle->find(*m_token, lease, m_uri, m_keyType, key);
            QByteArray signature(limit, Qt::Uninitialized);
            CK_ULONG length = CK_ULONG(limit);
            if (result == CKR_OK) {
                CK_MECHANISM how{mechanism, nullptr, 0};
                result = m_token->module()->C_SignInit(lease.session, &how, key);
            }
            if (result == CKR_OK) {
                result = m_token->module()->C_Sign(
                    lease.session, reinterpret_cast<CK_BYTE *>(const_cast<char *>(data.data())), CK_ULONG(data.size()),
                    reinterpret_cast<CK_BYTE *>(signature.data()), &length);
            }
            if (result == CKR_OK) {
                m_token->giveBack(lease);
                signature.truncate(qsizetype(length));
                return signature;
            }
        } catch (...) {
            m_token->dispose(lease);
            throw;
        }
        if (!isLoss(result)) {
            m_token->dispose(lease);
            throw Fault("issuer.token-refused", {m_uri.words()}, returnValueName(result));
        }
        m_token->lose(lease);
    }
    throw m_token->loss(result);
}

QByteArray TokenKey::signEcdsa(QByteArrayView digest) const
{
    const QByteArray raw = signWith(CKM_ECDSA, digest, 144);
    if (raw.isEmpty() || raw.size() % 2 != 0)
        throw Fault("issuer.token-refused", {m_uri.words()}, QStringLiteral("a signature of odd length"));
    const QByteArrayView bytes(raw);
    return der::tlv(der::Sequence, {der::unsignedInteger(bytes.first(raw.size() / 2)),
                                    der::unsignedInteger(bytes.sliced(raw.size() / 2))});
}

QByteArray TokenKey::signRsa(QByteArrayView block, bool padded) const
{
    return signWith(padded ? CKM_RSA_PKCS : CKM_RSA_X_509, block, 1024);
}

ssl::Key TokenKey::evpKey() const
{
    return tokenEvpKey(m_publicKey, shared_from_this());
}

} // namespace slipway
