import QtQuick
import Slipway

// One step: verdict glyph, name, what came of it or the measurement on its limits, time.
Item {
    id: row

    required property int index
    required property string name
    required property string glyph
    required property string summary
    required property string seconds
    required property var measurements
    required property bool irreversible
    required property bool reached
    required property bool current
    required property bool wrong
    required property string spoken

    property bool selected: false
    readonly property real nameLeft: Theme.wideSpace + Theme.body + Theme.space
    readonly property real textLeft: nameLeft + Theme.scaleWidth * 0.72 * Math.min(Theme.textScale, 1.5)
    readonly property real textWidth: time.x - textLeft - Theme.space

    signal chosen

    property bool ring: false

    implicitHeight: Math.max(Theme.rowHeight, middle.y + middle.height + Theme.gap, nameText.y + nameText.height + Theme.gap)
    Accessible.role: Accessible.ListItem
    Accessible.name: spoken
    Accessible.selected: selected
    Accessible.onPressAction: row.chosen()

    Rectangle {
        anchors.fill: parent
        color: row.wrong ? Theme.failTint : row.selected ? Theme.ground : Theme.clear
    }

    Rectangle {
        width: Theme.tiny
        height: parent.height
        visible: row.selected
        color: row.wrong ? Theme.markOfGlyph(row.glyph) : Theme.ink
    }

    Hatching {
        objectName: "irreversible"
        x: Theme.gap
        y: Theme.tiny
        width: Theme.gap
        height: parent.height - Theme.tiny * 2
        visible: row.irreversible
        color: Theme.caution
        stripe: Theme.tiny
        radius: 0
    }

    Glyph {
        x: Theme.wideSpace
        y: (Theme.rowHeight - height) / 2
        width: Theme.body * 0.9
        height: width
        kind: row.glyph
        color: Theme.markOfGlyph(row.glyph)
    }

    Text {
        id: nameText

        objectName: "name"
        x: row.nameLeft
        y: (Theme.rowHeight - font.pixelSize * Theme.lineHeight) / 2
        width: row.textLeft - x - Theme.gap
        text: row.name
        color: row.reached ? Theme.ink : Theme.inkQuiet
        font: Theme.sans(Theme.body, row.wrong || row.current ? Font.Bold : Font.Medium)
        wrapMode: Text.WrapAtWordBoundaryOrAnywhere
    }

    Column {
        id: middle

        x: row.textLeft
        y: Math.max(Theme.gap, (Theme.rowHeight - Theme.body * Theme.lineHeight) / 2)
        width: row.textWidth
        spacing: Theme.gap

        Text {
            objectName: "summary"
            width: parent.width
            visible: text !== "" && (row.measurements.length === 0 || row.wrong)
            text: row.summary
            color: row.wrong ? Theme.ink : Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
            wrapMode: Text.WrapAtWordBoundaryOrAnywhere
        }

        Repeater {
            model: row.measurements

            Flow {
                id: measurement

                required property var modelData

                width: middle.width
                spacing: Theme.space

                LimitScale {
                    objectName: "scale"
                    visible: measurement.modelData.hasScale
                    height: Math.max(Theme.scaleMark, valueText.height)
                    bandFrom: measurement.modelData.bandFrom
                    bandTo: measurement.modelData.bandTo
                    sureFrom: measurement.modelData.sureFrom
                    sureTo: measurement.modelData.sureTo
                    at: measurement.modelData.at
                    passed: measurement.modelData.passed
                }

                Row {
                    spacing: Theme.gap

                    FigureText {
                        id: valueText

                        objectName: "value"
                        text: measurement.modelData.value
                        color: measurement.modelData.passed ? Theme.ink : Theme.fail
                        font: Theme.sans(Theme.body, measurement.modelData.passed ? Font.Medium : Font.Bold)
                    }

                    FigureText {
                        objectName: "limits"
                        text: measurement.modelData.limits
                        color: Theme.inkQuiet
                        font: Theme.sans(Theme.body, Font.Normal)
                    }
                }
            }
        }
    }

    FigureText {
        id: time

        objectName: "seconds"
        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        y: (Theme.rowHeight - height) / 2
        text: row.seconds
        color: Theme.inkQuiet
        font: Theme.sans(Theme.body, Font.Normal)
    }

    Rectangle {
        y: parent.height - height
        width: parent.width
        height: Theme.hair
        color: Theme.edge
    }

    FocusRing {
        anchors.margins: Theme.rule
        radius: Theme.rule
        shown: row.ring && row.selected
    }

    TapHandler {
        onTapped: row.chosen()
    }
}
