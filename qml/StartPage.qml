import QtQuick
import Slipway

// Before the station is open: opening, no home yet, a passphrase, or what stands in the way.
PagePanel {
    id: page

    required property ShellViewModel shell
    readonly property int stage: shell.stage

    trouble: stage === ShellViewModel.Trouble
    headline: {
        switch (stage) {
        case ShellViewModel.Opening: return qsTr("Opening the station ...");
        case ShellViewModel.NoHome: return shell.busy ? qsTr("Making the station's home ...") : qsTr("This computer has no station yet.");
        case ShellViewModel.Passphrase: return qsTr("The keys of this station are locked.");
        default: return shell.headline;
        }
    }
    advice: {
        switch (stage) {
        case ShellViewModel.Opening: return shell.home;
        case ShellViewModel.NoHome: return qsTr("A station keeps its journal, its keys, its recipes and its firmware in one folder, its home. It is made now:") + "\n" + shell.home;
        case ShellViewModel.Passphrase: return shell.advice;
        default: return shell.advice;
        }
    }

    function takeFocus(): void {
        if (stage === ShellViewModel.NoHome)
            nameField.forceActiveFocus();
        else if (stage === ShellViewModel.Passphrase)
            passphrase.takeFocus();
        else if (stage === ShellViewModel.Trouble)
            again.forceActiveFocus();
    }

    onStageChanged: takeFocus()
    Component.onCompleted: takeFocus()

    Column {
        visible: page.stage === ShellViewModel.NoHome
        width: parent.width
        spacing: Theme.space

        Text {
            text: qsTr("Name of the station")
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.DemiBold)
        }

        EntryField {
            id: nameField

            objectName: "homeName"
            width: Math.min(page.column, Theme.entryWidth * 1.5)
            font: Theme.sans(Theme.lead, Font.Normal)
            text: page.shell.suggestedName
            label: qsTr("Name of the station")
            maximumLength: 60
            enabled: !page.shell.busy
            onAccepted: page.shell.makeHome(text)
        }

        Text {
            objectName: "homeComplaint"
            width: page.column
            visible: text !== ""
            text: page.stage === ShellViewModel.NoHome && page.shell.headline !== "" ? page.shell.headline + " " + page.shell.advice : ""
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.DemiBold)
            wrapMode: Text.Wrap
        }

        ActionButton {
            objectName: "makeHome"
            text: qsTr("Make the home")
            keyName: qsTr("Enter")
            primary: true
            paper: Theme.ground
            enabled: !page.shell.busy
            onClicked: page.shell.makeHome(nameField.text)
        }

        Text {
            width: page.column
            text: qsTr("To look around without one: slipway-desktop --demo")
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
            wrapMode: Text.Wrap
        }
    }

    Column {
        visible: page.stage === ShellViewModel.Passphrase
        width: parent.width
        spacing: Theme.space

        SecretEntry {
            id: passphrase

            width: parent.width
            label: qsTr("Passphrase of the station's keys")
            complaint: page.shell.headline
            canRefuse: false
            onGiven: typed => page.shell.openWith(typed)
        }
    }

    ActionButton {
        id: again

        objectName: "tryAgain"
        visible: page.stage === ShellViewModel.Trouble
        text: qsTr("Try again")
        keyName: qsTr("Enter")
        primary: true
        paper: Theme.ground
        onClicked: page.shell.tryAgain()
    }
}
