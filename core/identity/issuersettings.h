#pragma once
// Which issuer a station uses and what it needs, as station.yaml says it (core/identity/README.md), and the issuer made
// of it. Paths are resolved by the caller.

#include "core/identity/issuer.h"
#include "core/identity/secret.h"

#include <memory>
#include <optional>

namespace slipway {

struct IssuerSettings {
    enum class Kind { File, Token, Est, Cmp };

    QString use = QStringLiteral("file"); // "file", "pkcs11:...", "est:https://...", "cmp:http://..."
    QString certificate;    // PEM: the issuing certificate first, then those above it; "": keys/issuer.pem
    QString secretFile;     // PIN of the token, shared secret of CMP; "": asked for
    QString reference;      // CMP: of the shared secret
    QString key;            // EST, CMP: the station's own key as registration authority, a file or "pkcs11:..."
    QString keyCertificate; // and its certificate
    QString anchors;        // PEM: trusted for TLS and for CMP's signatures; "": the authority's certificates
    bool p10cr = true;
    bool implicitConfirm = false;
    bool needsCmcRa = true;
    bool askAgain = false;                               // EST: send a request again after its answer was lost
    std::optional<std::chrono::milliseconds> patience{}; // in an outage; default: 10 min, with files none
    std::chrono::milliseconds answerWithin{30'000};

    Kind kind() const; // throws issuer.url for anything else
    bool operator==(const IssuerSettings &) const = default;
};

inline constexpr std::chrono::minutes usualPatience{10};

// For every kind but File. passphrase: of key files. Throws issuer.*. Talks to nobody but a token.
std::unique_ptr<Issuer> openIssuer(const IssuerSettings &settings, const QByteArray &passphrase, const AskSecret &ask);

} // namespace slipway
