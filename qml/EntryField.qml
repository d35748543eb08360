import QtQuick
import QtQuick.Templates as T
import Slipway

// One line to type in. takesScan: a scan may land here, because somebody asked for it.
T.TextField {
    id: field

    property bool takesScan: false
    property string label

    implicitWidth: Theme.entryWidth
    implicitHeight: Math.max(Theme.target, contentHeight + Theme.gap * 2)
    leftPadding: Theme.space
    rightPadding: Theme.space
    verticalAlignment: TextInput.AlignVCenter
    activeFocusOnTab: true
    color: Theme.ink
    selectionColor: Theme.act
    selectedTextColor: Theme.actInk
    placeholderTextColor: Theme.inkQuiet
    font: Theme.mono(Theme.lead)

    // Enter ends here: it must not go on to the place behind.
    Keys.onReturnPressed: accepted()
    Keys.onEnterPressed: accepted()

    Accessible.role: Accessible.EditableText
    Accessible.name: label

    background: Rectangle {
        radius: Theme.smallRadius
        color: Theme.surface
        border.width: Theme.rule
        border.color: Theme.ink

        FocusRing {
            shown: field.activeFocus
        }
    }

    Text {
        x: field.leftPadding
        anchors.verticalCenter: parent.verticalCenter
        visible: field.text === "" && field.preeditText === ""
        text: field.placeholderText
        color: field.placeholderTextColor
        font: Theme.sans(Theme.body, Font.Normal)
    }
}
