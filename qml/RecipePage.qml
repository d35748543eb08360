import QtQuick
import QtQuick.Templates as T
import Slipway

// Which recipe runs on this line: one row each, those that cannot be used say why.
PagePanel {
    id: page

    required property ShellViewModel shell

    trouble: shell.headline !== ""
    headline: shell.headline !== "" ? shell.headline : qsTr("Choose the recipe for this line.")
    advice: shell.headline !== "" ? shell.advice : qsTr("It stays chosen until somebody chooses another.")

    Component.onCompleted: {
        if (rows.count > 0)
            rows.itemAt(0).forceActiveFocus();
        else
            again.forceActiveFocus();
    }

    Repeater {
        id: rows

        model: page.shell.recipes

        T.Button {
            id: row

            required property int index
            required property var modelData

            objectName: "recipe-" + modelData.id
            width: page.column
            implicitHeight: Math.max(Theme.target, implicitContentHeight + topPadding + bottomPadding)
            leftPadding: Theme.wideSpace
            rightPadding: Theme.wideSpace
            topPadding: Theme.space
            bottomPadding: Theme.space
            enabled: modelData.usable
            activeFocusOnTab: true
            focusPolicy: Qt.StrongFocus
            text: modelData.name
            Accessible.role: Accessible.Button
            Accessible.name: modelData.name + ", " + modelData.note
            Accessible.onPressAction: row.clicked()
            Keys.onReturnPressed: clicked()
            Keys.onEnterPressed: clicked()
            Keys.onDownPressed: nextItemInFocusChain(true).forceActiveFocus()
            Keys.onUpPressed: nextItemInFocusChain(false).forceActiveFocus()
            onClicked: page.shell.chooseRecipe(modelData.id)

            background: Rectangle {
                radius: Theme.radius
                color: Theme.surface
                border.width: Theme.hair
                border.color: Theme.edge

                FocusRing {
                    shown: row.activeFocus
                }
            }

            contentItem: Column {
                spacing: Theme.tiny

                Text {
                    width: row.availableWidth
                    text: row.modelData.name
                    color: row.enabled ? Theme.ink : Theme.inkQuiet
                    font: Theme.sans(Theme.lead, Font.DemiBold)
                    wrapMode: Text.Wrap
                }

                Text {
                    width: row.availableWidth
                    text: row.modelData.note
                    color: Theme.inkQuiet
                    font: Theme.sans(Theme.body, Font.Normal)
                    wrapMode: Text.WrapAtWordBoundaryOrAnywhere
                }
            }
        }
    }

    ActionButton {
        id: again

        objectName: "listAgain"
        text: qsTr("Look again")
        paper: Theme.ground
        onClicked: page.shell.lookForRecipes()
    }
}
