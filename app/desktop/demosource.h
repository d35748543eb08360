#pragma once
// The virtual line of the demonstration, in training mode: virtual boards in every place, a person who plugs blank ones
// in, a scanner that reads their labels.

#include "app/common/demo.h"
#include "app/desktop/homesource.h"

namespace slipway {

class DemoSource : public HomeSource
{
public:
    // home: made when missing. places: 1 to 64.
    DemoSource(const QString &home, int places, const QString &person);

    static QString homePath(const QString &given);

    bool exists() const override { return true; }
    std::unique_ptr<Station> open(const QByteArray &passphrase) override;
    QString preferred() override { return QStringLiteral("t1"); }
    void prefer(const QString &) override {}
    void begun(Station &station) override;
    bool bringUnit(Station &station, int place) override;
    void closing() override;

private:
    const int m_places;
    std::unique_ptr<VirtualLine> m_line; // outlives the station
    std::unique_ptr<VirtualScanner> m_scanner;
};

} // namespace slipway
