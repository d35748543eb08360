#pragma once
// A folder that a web server serves for one authority (https://mud.example/...), with MUD files and their signatures
// where their URLs say: published without a moment in which half a file could be fetched, and never taken back. An old
// URL keeps its content, for devices keep asking for it; other content at the same URL is for the correction of a wrong
// description alone, since firmware that needs other connectivity gets a URL of its own
// (draft-ietf-iotops-mud-acceptable-urls).

#include "core/mud/mudfile.h"

namespace slipway {

inline constexpr char mudMediaType[] = "application/mud+json";              // RFC 8520 section 17.3
inline constexpr char signatureMediaType[] = "application/pkcs7-signature"; // RFC 8520 section 13

struct MudPublication {
    QByteArray file;
    QByteArray signature;    // DER; that it fits the file is for the caller to know
    QString at;              // the URL to publish at where that is another than the file's own; "": its own
    bool correction = false; // other content may stand at that URL already
};

struct MudPublished {
    QString url, signatureUrl;
    QString path, signaturePath; // below the site
    QString etag;                // of the file, with its quotation marks
    int maxAge = 0;              // seconds
    bool wasThere = false;       // with this very content: nothing was written
    bool corrected = false;      // other content stood there
    QStringList remarks;         // sentences for whoever published
};

// Writes signature and file, in this order. Throws mud.json, mud.unfit (it has errors), mud.layout, mud.published
// (other content is there, and this is no correction), mud.older (the correction is not newer), file.unwritable.
MudPublished publishMudFile(const QString &site, const MudPublication &publication);

// What a manager should be told with one file of a site.
struct MudPage {
    QString path;         // below the site
    QByteArray mediaType; // mudMediaType, signatureMediaType or application/octet-stream
    QByteArray etag;      // "\"0123...\""
    QByteArray cacheControl;
};
MudPage mudPage(const QString &path, const QByteArray &content);
// Seconds that caches may keep a file: its cache-validity (RFC 8520 section 3.5: no longer than that), between the hour
// and the 30 days that managers keep to.
int mudMaxAge(const MudFile &file);
QByteArray mudEtag(const QByteArray &content); // strong (RFC 9110 section 8.8.3)

// All MUD files and signatures of a site, by path. Throws file.unreadable, mud.layout where there are too many.
QList<MudPage> mudPages(const QString &site);

// Lines for the configuration of a web server that serves these pages; from servers/. Throws mud.server.
QStringList mudServers(); // "apache", "netlify", "nginx"
QByteArray mudServerLines(const QString &server, const QList<MudPage> &pages);

} // namespace slipway
