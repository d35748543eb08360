import QtQuick
import Slipway

// One sentence about what was just asked of the station, and what to do; over no place, gone with Esc.
Rectangle {
    id: strip

    required property string sentence
    required property string remedy
    required property bool trouble

    signal dismissed

    visible: sentence !== ""
    implicitHeight: visible ? Math.max(Theme.target, words.height) + Theme.gap * 2 : 0
    color: Theme.surface
    Accessible.role: Accessible.AlertMessage
    Accessible.name: sentence + " " + remedy

    Rectangle {
        width: Theme.gap
        height: parent.height
        color: strip.trouble ? Theme.cautionFill : Theme.ink
    }

    Glyph {
        id: mark

        x: Theme.wideSpace
        anchors.verticalCenter: parent.verticalCenter
        width: Theme.title
        height: width
        visible: strip.trouble
        kind: "error"
        color: Theme.cautionInk
        plate: Theme.cautionFill
        plateEdge: Theme.caution
    }

    Column {
        id: words

        x: mark.visible ? mark.x + mark.width + Theme.space : Theme.wideSpace
        anchors.verticalCenter: parent.verticalCenter
        width: close.x - x - Theme.space

        Text {
            objectName: "notice"
            width: parent.width
            text: strip.sentence
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.DemiBold)
            wrapMode: Text.Wrap
        }

        Text {
            objectName: "noticeRemedy"
            width: parent.width
            visible: text !== ""
            text: strip.remedy
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
            wrapMode: Text.WrapAtWordBoundaryOrAnywhere
        }
    }

    ActionButton {
        id: close

        objectName: "noticeClose"
        quiet: true
        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        anchors.verticalCenter: parent.verticalCenter
        text: qsTr("Close")
        keyName: qsTr("Esc")
        onClicked: strip.dismissed()
    }

    Rectangle {
        width: parent.width
        height: Theme.hair
        color: Theme.edge
    }
}
