// Debug probes on the bus: which devices are taken for one, how one of several is named, and what OpenOCD makes of one
// that does not answer as it should.

#include "drivers/probe/probeport.h"
#include "tests/support/probebench.h"
#include "tests/support/testmain.h"
#include "tests/support/usbbed.h"

#include <unistd.h>

using namespace slipway;
using namespace slipway::test;
using namespace Qt::StringLiterals;

namespace {

// Something with the descriptors of a probe.
VirtualDfuOptions looksLike(quint16 vendor, quint16 product, const QString &name, const QString &serial)
{
    VirtualDfuOptions options;
    options.vendorId = vendor;
    options.productId = product;
    options.product = name;
    options.serial = serial;
    return options;
}

QByteArray argumentsOf(const QString &port)
{
    return ProbePort::find(port, ProbeQuirks::load()).arguments.join(' ');
}

} // namespace

class TestProbePorts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QVERIFY2(UsbBed::isPreloaded(), "umockdev's preload library is not loaded"); }

    void list()
    {
        VirtualDfu link(looksLike(0x0483, 0x374b, u"STM32 STLink"_s, u"066CFF495087534867123456"_s));
        VirtualDfu other(looksLike(0x0483, 0xdf11, u"DFU"_s, u"SN1"_s));
        UsbBed bed;
        bed.plug(link, u"1-2.3"_s);
        bed.plug(other, u"1-4"_s);
        const QList<PortInfo> ports = ProbeDriver().ports();
        QCOMPARE(ports.size(), 1);
        QCOMPARE(ports[0].port, u"usb:1-2.3"_s);
        QCOMPARE(ports[0].topology, u"usb-1-2.3"_s);
        QCOMPARE(ports[0].driver, u"probe"_s);
        QVERIFY(ports[0].likely);
        QCOMPARE(ports[0].why, u"A debug probe (st-link)."_s);
        QVERIFY2(ports[0].description.contains("STLink"_L1), qPrintable(ports[0].description));

        for (const QString &port : {u"usb:1-2.3"_s, u"usb:0483:374b"_s, u"usb:0483:374b:066CFF495087534867123456"_s,
                                    u"probe:066CFF495087534867123456"_s})
            QCOMPARE(argumentsOf(port),
                     "-f interface/stlink.cfg -c transport select hla_swd -c adapter usb location {1-2.3}");
        QCOMPARE(faultOf([] { argumentsOf(u"usb:1-4"_s); }), u"probe.unknown-probe"_s);
        QCOMPARE(faultOf([] { argumentsOf(u"usb:1-9"_s); }), u"link.no-port"_s);
        QCOMPARE(faultOf([] { argumentsOf(u"probe:12"_s); }), u"link.no-port"_s);
        if (::geteuid() == 0) // root may open everything
            return;
        bed.forbid(u"1-2.3"_s);
        QVERIFY(ProbeDriver().ports().value(0).why.contains("udev rules"_L1));
        QCOMPARE(faultOf([] { argumentsOf(u"usb:1-2.3"_s); }), u"link.usb-permission"_s);
    }

    // A serial number that a device makes up is a word to Tcl, or it is not used.
    void serials()
    {
        VirtualDfu one(looksLike(0x04b4, 0xf139, u"KitProg"_s, u"A[exec touch /tmp/x]"_s));
        UsbBed bed;
        bed.plug(one, u"1-2"_s);
        QCOMPARE(argumentsOf(u"usb:1-2"_s), "-f interface/kitprog.cfg -c transport select swd");
        VirtualDfu two(looksLike(0x04b4, 0xf139, u"KitProg"_s, u"B2"_s));
        bed.plug(two, u"1-3"_s);
        QCOMPARE(argumentsOf(u"usb:1-3"_s), "-f interface/kitprog.cfg -c transport select swd -c adapter serial {B2}");
        QCOMPARE(faultOf([] { argumentsOf(u"usb:1-2"_s); }), u"probe.not-told-apart"_s);
    }

    void byName()
    {
        VirtualDfu dap(looksLike(0x1209, 0x0001, u"Board CMSIS-DAP"_s, u"D1"_s));
        UsbBed bed;
        bed.plug(dap, u"1-2"_s);
        QCOMPARE(argumentsOf(u"usb:1-2"_s),
                 "-f interface/cmsis-dap.cfg -c transport select swd -c adapter serial {D1}");
    }

    // OpenOCD finds it at its place, and finds that it is no ST-LINK after all.
    void openOcdReachesTheBus()
    {
        VirtualDfu link(looksLike(0x0483, 0x374b, u"STM32 STLink"_s, u"066CFF495087534867123456"_s));
        UsbBed bed;
        bed.plug(link, u"1-2"_s);
        QString text;
        const QString code = faultOf(
            [] {
                ProbeDriver().open({u"usb:1-2"_s, 0, u"stm32f1"_s}, withinSeconds(30));
            },
            &text);
        QVERIFY2(code == "probe.no-probe"_L1, qPrintable(code + u' ' + text));
        QVERIFY2(text.contains("usb:1-2"_L1), qPrintable(text));
    }
};

SLIPWAY_TEST_MAIN(TestProbePorts)
#include "tst_probeports.moc"
