import QtQuick
import QtQuick.Templates as T
import Slipway

// Something to press, with gloves on as well; the key that does the same stands beside the word where there is room.
// ink: what stands on the button's surroundings; paper: those surroundings.
T.Button {
    id: button

    property string keyName
    property bool primary: false
    property bool quiet: false // a smaller box in a target of the same size, for what is seldom pressed
    property color ink: Theme.ink
    property color paper: Theme.surface
    readonly property color front: primary ? paper : ink
    readonly property real wholeWidth: wordMeasure.width + (keyName === "" ? 0 : keyMeasure.width + Theme.gap * 3) + Theme.space * 2

    implicitWidth: Math.max(wholeWidth, Theme.target)
    implicitHeight: Math.max(Theme.target, Theme.body * 2 + topInset + bottomInset)
    activeFocusOnTab: enabled
    focusPolicy: Qt.TabFocus
    opacity: enabled ? 1 : 0.5

    Accessible.role: Accessible.Button
    Accessible.name: text
    Accessible.description: keyName === "" ? "" : qsTr("Key %1").arg(keyName)
    Accessible.onPressAction: button.clicked()

    Keys.onReturnPressed: clicked()
    Keys.onEnterPressed: clicked()

    TextMetrics {
        id: wordMeasure

        text: button.text
        font: Theme.sans(Theme.body, Font.DemiBold)
    }

    TextMetrics {
        id: keyMeasure

        text: button.keyName
        font: Theme.sans(Theme.caption, Font.DemiBold)
    }

    topInset: quiet ? Theme.gap : 0
    bottomInset: topInset
    background: Rectangle {
        radius: Theme.smallRadius
        color: button.primary ? button.ink : button.paper
        border.width: button.quiet ? Theme.hair : Theme.rule
        border.color: button.quiet ? Theme.inkQuiet : button.ink

        Rectangle {
            anchors.fill: parent
            anchors.margins: Theme.tiny
            visible: button.pressed
            radius: Theme.tiny
            color: Theme.clear
            border.width: Theme.rule
            border.color: button.front
        }

        FocusRing {
            shown: button.activeFocus
            tint: button.ink
        }
    }

    contentItem: Item {
        Row {
            anchors.centerIn: parent
            spacing: Theme.gap

            Text {
                anchors.verticalCenter: parent.verticalCenter
                width: Math.min(implicitWidth, button.width - Theme.gap * 2)
                text: button.text
                color: button.front
                font: wordMeasure.font
                fontSizeMode: Text.HorizontalFit
                minimumPixelSize: 12
                elide: Text.ElideRight
            }

            KeyCap {
                anchors.verticalCenter: parent.verticalCenter
                visible: button.keyName !== "" && button.width >= button.wholeWidth
                text: button.keyName
                ink: button.front
            }
        }
    }
}
