import QtQuick
import Slipway

// Counters of this shift, five lamps with shapes and words, the last units, and the last scan with what it meant.
Rectangle {
    id: strip

    required property LineViewModel line
    readonly property real oneRow: counters.implicitWidth + lamps.implicitWidth + Math.min(scanPart.wanted, Theme.entryWidth) + Theme.wideSpace * 5
    readonly property bool twoRows: width < oneRow
    readonly property real rowHeight: Math.max(counters.implicitHeight, lamps.implicitHeight) + Theme.space * 1.6

    implicitHeight: twoRows ? rowHeight * 2 - Theme.gap : rowHeight
    color: Theme.surface

    component Counter: Column {
        id: counter

        property alias value: figure.text
        property alias label: label.text
        property string name

        Accessible.role: Accessible.StaticText
        Accessible.name: label.text + ": " + figure.text

        FigureText {
            id: figure

            objectName: counter.name
            color: Theme.ink
            font: Theme.sans(Theme.figure, Font.Bold)
        }

        Text {
            id: label

            color: Theme.inkQuiet
            font: Theme.sans(Theme.caption, Font.Normal)
        }
    }

    Row {
        id: counters

        x: Theme.wideSpace
        y: (strip.rowHeight - height) / 2
        spacing: Theme.wideSpace

        Counter {
            name: "done"
            value: strip.line.counters.done
            label: qsTr("done")
        }

        Counter {
            name: "failed"
            value: strip.line.counters.failed
            label: qsTr("failed")
        }

        Counter {
            name: "firstPass"
            value: strip.line.counters.firstPass
            label: qsTr("first pass")
        }

        Counter {
            name: "lastHour"
            value: strip.line.counters.lastHour
            label: qsTr("last hour")
        }
    }

    Rectangle {
        x: lamps.x - Theme.wideSpace
        y: Theme.space
        width: Theme.hair
        height: strip.rowHeight - Theme.space * 2
        visible: !strip.twoRows
        color: Theme.edge
    }

    Flow {
        id: lamps

        x: strip.twoRows ? Theme.wideSpace : counters.x + counters.width + Theme.wideSpace * 2
        y: strip.twoRows ? strip.rowHeight - Theme.gap : (strip.rowHeight - height) / 2
        spacing: Theme.wideSpace * 0.8

        Repeater {
            model: strip.line.lamps

            Row {
                id: lamp

                required property string name
                required property string words
                required property string shape

                objectName: "lamp-" + name
                spacing: Theme.gap
                Accessible.role: Accessible.StaticText
                Accessible.name: name + ": " + words

                Glyph {
                    y: lampName.y + (lampName.height - height) / 2
                    width: Theme.lampSize
                    height: Theme.lampSize
                    kind: lamp.shape
                    color: Theme.markOfGlyph(lamp.shape)
                }

                Column {
                    Text {
                        id: lampName

                        text: lamp.name
                        color: Theme.ink
                        font: Theme.sans(Theme.small, Font.DemiBold)
                    }

                    Text {
                        text: lamp.words
                        color: Theme.inkQuiet
                        font: Theme.sans(Theme.caption, Font.Normal)
                    }
                }

                // The one lamp that a person can do something about from here
                KeyCap {
                    objectName: "openIssuer"
                    anchors.verticalCenter: parent.verticalCenter
                    visible: lamp.name === "Issuer" && strip.line.issuerShut
                    text: qsTr("I")
                    Accessible.role: Accessible.Button
                    Accessible.name: qsTr("Open the issuer")
                    Accessible.onPressAction: strip.line.openIssuer()

                    TapHandler {
                        margin: Theme.wideSpace
                        onTapped: strip.line.openIssuer()
                    }
                }
            }
        }
    }

    Item {
        id: recent

        objectName: "recent"
        readonly property real room: scanPart.x - (lamps.x + lamps.width) - Theme.wideSpace * 2

        x: scanPart.x - width - Theme.wideSpace
        y: (strip.rowHeight - height) / 2
        readonly property int most: Math.floor((room + Theme.tiny) / (Theme.recentSize + Theme.tiny))
        width: Math.max(recentRow.width, recentLabel.width)
        height: recentRow.height + recentLabel.height + Theme.tiny
        visible: !strip.twoRows && most >= Theme.recentLeast && room >= recentLabel.width && recentUnits.count > 0

        Row {
            id: recentRow

            anchors.right: parent.right
            layoutDirection: Qt.RightToLeft
            spacing: Theme.tiny

            Repeater {
                id: recentUnits

                model: strip.line.recent

                Rectangle {
                    id: unit

                    required property int index
                    required property int look
                    required property string glyph
                    required property string spoken

                    visible: index < recent.most
                    width: Theme.recentSize
                    height: Theme.recentSize
                    radius: Theme.hair * 2
                    color: look === SlotViewModel.Pass || look === SlotViewModel.Fail ? Theme.fillOf(look)
                         : look === SlotViewModel.Unknown ? Theme.surface : Theme.cautionFill
                    border.width: look === SlotViewModel.Pass || look === SlotViewModel.Fail ? 0 : Theme.hair
                    border.color: look === SlotViewModel.Unknown ? Theme.ink : Theme.caution
                    Accessible.role: Accessible.StaticText
                    Accessible.name: spoken

                    Glyph {
                        anchors.fill: parent
                        anchors.margins: parent.width * 0.2
                        kind: unit.glyph
                        color: Theme.glyphOn(unit.look)
                    }
                }
            }
        }

        Text {
            id: recentLabel

            anchors.right: parent.right
            anchors.bottom: parent.bottom
            text: qsTr("last units")
            color: Theme.inkQuiet
            font: Theme.sans(Theme.caption, Font.Normal)
        }
    }

    Item {
        id: scanPart

        readonly property real wanted: Math.max(scanText.implicitWidth, meaning.implicitWidth + (strip.line.scanRefused ? Theme.lampSize + Theme.gap : 0))
        readonly property real most: Math.max(Theme.entryWidth, strip.twoRows ? strip.width - counters.width - Theme.wideSpace * 4
                                                                              : strip.width - lamps.x - lamps.width - Theme.wideSpace * 3)

        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        y: (strip.rowHeight - height) / 2
        width: entry.visible ? entry.width : Math.max(scanText.implicitWidth, scanMeaning.width)
        height: entry.visible ? entry.height : scanColumn.height

        Column {
            id: scanColumn

            anchors.right: parent.right
            visible: !entry.visible

            Text {
                id: scanText

                objectName: "scanText"
                anchors.right: parent.right
                width: Math.min(implicitWidth, scanPart.most)
                text: strip.line.scanText === "" ? qsTr("no scan yet") : strip.line.scanText
                color: strip.line.scanText === "" ? Theme.inkQuiet : Theme.ink
                font: strip.line.scanText === "" ? Theme.sans(Theme.body, Font.Normal) : Theme.mono(Theme.body)
                elide: Text.ElideMiddle
            }

            Row {
                id: scanMeaning

                anchors.right: parent.right
                spacing: Theme.tiny * 1.5

                Glyph {
                    anchors.verticalCenter: parent.verticalCenter
                    visible: strip.line.scanRefused
                    width: Theme.lampSize
                    height: Theme.lampSize
                    kind: "caution"
                    color: Theme.caution
                }

                Text {
                    id: meaning

                    objectName: "scanMeaning"
                    width: Math.min(implicitWidth, scanPart.most - Theme.lampSize - Theme.gap)
                    wrapMode: Text.Wrap
                    maximumLineCount: 2
                    text: strip.line.scanMeaning === "" ? qsTr("S types one in") : qsTr("last scan: %1").arg(strip.line.scanMeaning)
                    color: strip.line.scanRefused ? Theme.ink : Theme.inkQuiet
                    font: Theme.sans(Theme.caption, Font.Normal)
                    elide: Text.ElideRight
                }
            }
        }

        EntryField {
            id: entry

            objectName: "scanEntry"
            anchors.right: parent.right
            visible: strip.line.scanEntryOpen
            takesScan: true
            label: qsTr("What a scan would read")
            placeholderText: qsTr("Type what a scan would read")
            onVisibleChanged: {
                clear();
                if (visible)
                    forceActiveFocus();
            }
            onAccepted: {
                const typed = text;
                strip.line.setScanEntryOpen(false);
                if (typed !== "")
                    strip.line.scan(typed);
            }
            onActiveFocusChanged: if (!activeFocus && visible) strip.line.setScanEntryOpen(false)
        }
    }

    Rectangle {
        width: parent.width
        height: Theme.hair
        color: Theme.edge
    }
}
