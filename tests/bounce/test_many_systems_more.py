"""Reports in the layouts of many more systems, in the project's own words around what those systems say."""

# ruff: noqa: E501 mails are easier to compare unfolded, and speak many languages

import pytest

from bounce.report import read
from tests.bounce.mails import block, mail, multipart, returned, status, words

# name: the mail, its kind, and for each recipient the address and the reasons that fit
# fmt: off one case, one line
REPORTS: dict[str, tuple[bytes, str, dict[str, set[str]]]] = {
    "activehunter": (
        mail(
            "This is the mail delivery system at host mx.customer.example.\n\n  ----- The following addresses had permanent fatal errors -----\n\n>>> ann@customer.example <<<\n\n  550 sorry, no mailbox here by that name\n\n  ----- Unsent message below -----\n\nReceived: from x\nSubject: Invoice\n",
            sender='"MAILER-DAEMON" <MAILER-DAEMON@customer.example>',
            subject="FAILURE NOTICE :",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "ses-json": (
        mail(
            '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"ann@customer.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}}',
            sender="AWS Notifications <no-reply@sns.amazonaws.com>",
            subject="AWS Notification Message",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "bigfoot": (
        multipart(
            words(
                "   ----- The following addresses had delivery problems -----\n<ann@customer.example>   (permanent failure)\n\n   ----- Transcript of session follows -----\n>>> rcpt to:<ann@customer.example>\n<<< 553 Invalid recipient ann@customer.example (Mode: normal)\n"
            ),
            status(
                "Final-Recipient: RFC822; <ann@customer.example>\nAction: failed\nStatus: 5.7.1\nRemote-MTA: DNS; mx.customer.example\nDiagnostic-Code: SMTP; 553 Invalid recipient ann@customer.example (Mode: normal)"
            ),
            returned(),
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "notes": (
        mail(
            "------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\nann@customer.example\n\n------- Returned Message --------\n\nReceived: from x\n",
            sender="MAILER-DAEMON@customer.example",
            subject="NON-DELIVERY OF: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "notes-3": (
        mail(
            "------- Failure Reasons  --------\n\nCouldn't find recipient in address book\nann@customer.example\nUser's database disabled or blocked by admin\nbob@customer.example\n\n------- Returned Message --------\nFrom: x",
            sender="MAILER-DAEMON@customer.example",
            subject="NON-DELIVERY OF: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}, "bob@customer.example": {"account_disabled", "system_error"}},
    ),
    "dma-2": (
        mail(
            "This is the DragonFly Mail Agent at x.\n\nThere was an error delivering your mail to <ann@customer.example>.\n\nCould not look up host customer.example: host not found\n\nOriginal message follows.\n\nFrom: Office\n",
            subject="Mail delivery failed",
        ),
        "bounce",
        {"ann@customer.example": {"domain_not_found"}},
    ),
    "exch2003": (
        mail(
            "Your message\n\n  To:      ann@customer.example\n  Subject: Invoice\n  Sent:    Tue, 5 Mar 2024 10:00:00 +0100\n\ndid not reach the following recipient(s):\n\nann@customer.example on Tue, 5 Mar 2024 10:00:05 +0100\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=jp;a= ;p=neko\n;l=EXCHANGE000000000000000000\n    MSEXCH:IMS:CUSTOMER:EX:MX 0 (000C05A6) Unknown Recipient\n\n",
            sender="System Administrator <postmaster@customer.example>",
            subject="Undeliverable: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "exch2007-fr": (
        mail(
            "Votre message n'est pas parvenu à certains des destinataires.\n\nann@customer.example\nLa boîte aux lettres du destinataire est pleine et ne peut plus accepter de messages.\n\nInformations de diagnostic pour les administrateurs :\n\nServeur de génération : ex.customer.example\n\nann@customer.example\n#554 5.2.2 mailbox full ##\n",
            "Content-Type: text/plain; charset=utf-8",
            sender="postmaster@customer.example",
            subject="Non remis : Facture",
        ),
        "bounce",
        {"ann@customer.example": {"mailbox_full"}},
    ),
    "o365-delay": (
        multipart(
            words(
                "Delivery is delayed to these recipients or groups:\n\nann@customer.example (ann@customer.example)\n\nSubject: Invoice\n\nThis message hasn't been delivered yet. Delivery will continue to be attempted.\nThe server will keep trying to deliver this message for the next 1 days, 19 hours and 55 minutes.\n"
            ),
            status(
                "Final-Recipient: rfc822;ann@customer.example\nAction: delayed\nStatus: 4.4.7\nDiagnostic-Code: smtp;400 4.4.7 Message delayed\nWill-Retry-Until: Thu, 7 Mar 2024 10:00:00 +0000"
            ),
        ),
        "delayed",
        {"ann@customer.example": {"expired", "rate_limited", "connection_failed"}},
    ),
    "exim-warn": (
        mail(
            "This message was created automatically by mail delivery software.\nA message that you have sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.school.example.\n\nThe message identifier is:     1a2b3c-0001\nThe subject of the message is: Invoice\nThe date of the message is:    Tue, 5 Mar 2024 10:00:00 +0100\n\nThe address to which the message has not yet been delivered is:\n\n  ann@customer.example\n    Delay reason: mx.customer.example: connection timed out\n\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this warning may be repeated at intervals if the message\nremains undelivered. Eventually the mail delivery software will give up,\nand when that happens, the message will be returned to you.\n",
            subject="Warning: message 1a2b3c-0001 delayed 24 hours",
        ),
        "delayed",
        {"ann@customer.example": {"connection_failed", "expired"}},
    ),
    "exim-pipe": (
        mail(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  pipe to |/usr/local/bin/deliver ann\n    generated by ann@customer.example\n    Child process of virtual_delivery transport returned 77 (could mean permission\n    denied) from command: /usr/local/bin/deliver\n\n------ This is a copy of the message, including all the headers. ------\n"
        ),
        "bounce",
        {"ann@customer.example": {"system_error"}},
    ),
    "ezweb-2": (
        mail(
            "The user(s) account is temporarily limited.\n\n<ann@ezweb.example>\n\n----- Original message follows -----\n",
            sender="Postmaster@ezweb.example",
            subject="Mail System Error - Returned Mail",
        ),
        "bounce",
        {"ann@ezweb.example": {"account_disabled", "rate_limited"}},
    ),
    "facebook": (
        multipart(
            words(
                "This message was created automatically by Facebook.\n\nSorry, your message could not be delivered: ann@customer.example\n"
            ),
            status(
                block(
                    "ann@customer.example",
                    "failed",
                    "5.1.1",
                    "550 5.1.1 RCP-P2 http://postmaster.facebook.example/response_codes?ip=192.0.2.1#rcp Refused due to recipient preferences",
                )
            ),
            sender="Facebook <mailer-daemon@mx.facebook.example>",
            subject="Sorry, your message could not be delivered",
        ),
        "bounce",
        {"ann@customer.example": {"policy_rejected", "no_such_user"}},
    ),
    "facebook-u": (
        multipart(
            words("Sorry, your message could not be delivered."),
            status(
                block(
                    "ann@customer.example",
                    "failed",
                    "5.1.1",
                    "550 5.1.1 RCP-P1 https://postmaster.facebook.example/response_codes?ip=192.0.2.1#rcp Address not associated with an active account",
                )
            ),
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user", "account_disabled"}},
    ),
    "gmail-old": (
        mail(
            "This is an automatically generated Delivery Status Notification\n\nDelivery to the following recipient failed permanently:\n\n     ann@customer.example\n\nTechnical details of permanent failure: \nGoogle tried to deliver your message, but it was rejected by the recipient domain. We recommend contacting the other email provider for further information about the cause of this error. The error that the other server returned was: 550 550 5.1.1 <ann@customer.example>: User unknown (state 14).\n\n   ----- Original message -----\n",
            "X-Failed-Recipients: ann@customer.example",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Failure)",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "gmail-es": (
        multipart(
            words(
                "** No se ha encontrado la dirección **\n\nTu mensaje no se ha entregado a ann@customer.example porque no se ha encontrado la dirección o esta no puede recibir correo.\n"
            ),
            status(
                "Final-Recipient: rfc822; ann@customer.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist."
            ),
            returned(),
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "gmx-2": (
        mail(
            'This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of\nits recipients. This is a permanent error. The following address(es)\nfailed:\n\n"ann@customer.example":\ndelivery retry timeout exceeded\n\n--- The header of the original message is following. ---\n',
            sender="GMX Mailer Daemon <mailer-daemon@gmx.example>",
            subject="Mail delivery failed: returning message to sender",
        ),
        "bounce",
        {"ann@customer.example": {"expired"}},
    ),
    "imail-4": (
        mail(
            "Unknown host: ann@customer.example\n\nOriginal message follows.\n",
            sender="Postmaster@customer.example",
            subject="Undeliverable Mail",
        ),
        "bounce",
        {"ann@customer.example": {"domain_not_found"}},
    ),
    "mailru": (
        mail(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  ann@customer.example\n    SMTP error from remote mail server after RCPT TO:<ann@customer.example>:\n    host mx.customer.example [192.0.2.1]: 550 User is locked\n\n------ This is a copy of the message, including all the headers. ------\n",
            "X-Failed-Recipients: ann@customer.example",
            sender="<mailer-daemon@mail.example>",
            subject="Mail failure.",
        ),
        "bounce",
        {"ann@customer.example": {"account_disabled"}},
    ),
    "sun": (
        multipart(
            words(
                "This report relates to a message you sent with the following header fields:\n\n  Message-id: <x@y>\n  Date: Tue\n  From: office@school.example\n  To: ann@customer.example\n  Subject: Invoice\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address: ann@customer.example\n  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;550 5.1.1 <ann@customer.example>... User Unknown\n  Remote system: dns;mx.customer.example (TCP|17.111.174.67|47323|192.0.2.1|25)\n"
            ),
            status(
                "Original-recipient: rfc822;ann@customer.example\nFinal-recipient: rfc822;ann@customer.example\nAction: failed\nStatus: 5.1.1 (Remote SMTP server has rejected address)\nRemote-MTA: dns;mx.customer.example\nDiagnostic-code: smtp;550 5.1.1 <ann@customer.example>... User Unknown"
            ),
            returned(),
            subject="Delivery Notification: Delivery has failed",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "sun-2": (
        mail(
            "Your message cannot be delivered to the following recipients:\n\n  Recipient address: ann@customer.example\n  Original address: ann@customer.example\n  Reason: Over quota\n\n  Recipient address: bob@customer.example\n  Reason: Illegal host/domain name found\n",
            subject="Delivery Notification: Delivery has failed",
            sender="Internet Mail Delivery <postmaster@customer.example>",
        ),
        "bounce",
        {"ann@customer.example": {"mailbox_full"}, "bob@customer.example": {"domain_not_found"}},
    ),
    "opensmtpd": (
        mail(
            "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\nann@customer.example: 550 5.2.2 <ann@customer.example>... Mailbox Full\n\n    Below is a copy of the original message:\n\nReceived: x\n",
            subject="Delivery status notification: error",
            sender="Mailer Daemon <MAILER-DAEMON@school.example>",
        ),
        "bounce",
        {"ann@customer.example": {"mailbox_full"}},
    ),
    "outlook": (
        multipart(
            words(
                "This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients failed.\n\n       ann@customer.example\n\n"
            ),
            status(
                "Final-Recipient: rfc822;ann@customer.example\nAction: failed\nStatus: 5.5.0\nDiagnostic-Code: smtp;550 5.5.0 Requested action not taken: mailbox unavailable"
            ),
            returned(),
            sender="postmaster@outlook.example",
            subject="Delivery Status Notification (Failure)",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "postfix-alias": (
        multipart(
            words(
                "x\n<ann@customer.example> (expanded from <team@school.example>): connect to mx.customer.example[192.0.2.1]:25: Connection refused\n"
            ),
            status(
                "Final-Recipient: rfc822; ann@customer.example\nOriginal-Recipient: rfc822;team@school.example\nAction: failed\nStatus: 4.4.1\nDiagnostic-Code: X-Postfix; connect to mx.customer.example[192.0.2.1]:25: Connection refused"
            ),
            returned(),
        ),
        "bounce",
        {"team@school.example": {"expired", "connection_failed"}},
    ),
    "pmta-nomx": (
        multipart(
            words("x"),
            status(
                "Final-Recipient: rfc822;ann@customer.example\nAction: failed\nStatus: 5.1.2 (bad destination system: no such domain)\nX-PowerMTA-BounceCategory: bad-domain"
            ),
        ),
        "bounce",
        {"ann@customer.example": {"domain_not_found"}},
    ),
    "qmail-2": (
        mail(
            "Hi. This is the qmail-send program at customer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@customer.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 <ann@customer.example>... User unknown\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <office@school.example>\n",
            subject="failure notice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "qmail-6": (
        mail(
            "Hi. This is the qmail-send program at customer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@customer.example>:\nConnected to 192.0.2.1 but sender was rejected.\nRemote host said: 550 5.7.1 spam source\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <office@school.example>\n",
            subject="failure notice",
        ),
        "bounce",
        {"ann@customer.example": {"sender_blocked", "policy_rejected", "spam_rejected"}},
    ),
    "qmail-10": (
        mail(
            "Hi. This is the qmail-send program at customer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@customer.example>:\nLe compte du destinataire n'existe pas chez nous\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <office@school.example>\n",
            subject="failure notice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "qmail-14": (
        mail(
            "Hi. This is the qmail-send program at customer.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ann@customer.example>:\nSorry. Although I'm listed as a best-preference MX or A for that host,\nit isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <office@school.example>\n",
            subject="failure notice",
        ),
        "bounce",
        {"ann@customer.example": {"system_error", "domain_not_found", "relay_denied"}},
    ),
    "qmail-de": (
        mail(
            "Hallo, hier ist das Mailprogramm von customer.example.\nLeider konnte Ihre Nachricht an die folgenden Adressen nicht zugestellt werden.\nDies ist ein dauerhafter Fehler.\n\n<ann@customer.example>:\nDiesen Benutzer gibt es hier nicht. (#5.1.1)\n\n--- Ab hier folgt eine Kopie der Nachricht.\n\nReturn-Path: <office@school.example>\n",
            subject="Fehler bei der Zustellung",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "sendmail-two": (
        multipart(
            words(
                "   ----- The following addresses had permanent fatal errors -----\n<ann@customer.example>\n    (reason: 550 5.1.1 <ann@customer.example>... User Unknown)\n<bob@customer.example>\n    (reason: 552 5.2.2 <bob@customer.example>... Mailbox full)\n"
            ),
            status(
                block("ann@customer.example", "failed", "5.1.1", "550 5.1.1 <ann@customer.example>... User Unknown"),
                block("bob@customer.example", "failed", "5.2.2", "552 5.2.2 <bob@customer.example>... Mailbox full"),
            ),
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}, "bob@customer.example": {"mailbox_full"}},
    ),
    "v5sendmail-host": (
        mail(
            "   ----- Transcript of session follows -----\n550 customer.example (tcp)... 550 Host unknown\n554 <ann@customer.example>... 550 Host unknown (Authoritative answer from name server)\n\n   ----- Recipients of this delivery -----\nBounced, cannot deliver:\n   <ann@customer.example>\n\n   ----- Unsent message follows -----\n",
            sender="Mail Delivery Subsystem <MAILER-DAEMON@school.example>",
            subject="Returned mail: Host unknown",
        ),
        "bounce",
        {"ann@customer.example": {"domain_not_found"}},
    ),
    "surfcontrol": (
        mail(
            "Your message could not be sent.\nA transcript of the attempts to send the message follows.\nThe number of attempts made: 1\nAddressed To: ann@customer.example\n\nTue 5 Mar 2024 10:00:00 +0100\nFailed to send to identified host,\nmx.customer.example: [192.0.2.1], 550 5.1.1 <ann@customer.example>... User unknown\n--- Message non-deliverable.\n",
            "X-Mailer: SurfControl E-mail Filter",
            sender="Postmaster@customer.example",
            subject="Message non-deliverable",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "x1": (
        mail(
            "The original message was received at Thu, 29 Apr 2010 23:34:45 +0900\nfrom office@school.example\n\n---The following addresses had delivery errors---\n\nann@customer.example [User unknown]\n\n--Original Message follows--\n",
            sender='"Mail Deliver System" <MAILER-DAEMON@customer.example>',
            subject="Returned Mail: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "x6": (
        mail(
            "We had trouble delivering your message. Full details follow:\n\nSubject: 'Invoice'\nDate: 'Thu, 29 Apr 2012 23:34:45 +0900'\n\n1 error(s):\n\nSMTP Server <mx.customer.example> rejected recipient <ann@customer.example> (Error following RCPT command). It responded as follows: [550 5.1.1 User unknown]\n\nThe following recipient address was affected: ann@customer.example\n",
            sender="<postmaster@customer.example>",
            subject="There was an error sending your mail",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "zoho": (
        mail(
            "This message was created automatically by mail delivery software.\n A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.\n\nann@customer.example, ERROR_CODE :550, ERROR_CODE :5.1.1 <ann@customer.example>... User Unknown\n\nReceived:from mail.zoho.example by mx.zoho.example\n",
            sender="mailer-daemon@mail.zoho.example",
            subject="Undelivered Mail Returned to Sender",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "ironport": (
        mail(
            "The following message to <ann@customer.example> was undeliverable.\nThe reason for the problem:\n5.1.0 - Unknown address error 550-'5.1.1 <ann@customer.example>... User unknown'\n",
            sender="Mail Delivery System <MAILER-DAEMON@customer.example>",
            subject="Delivery Status Notification (Failure)",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "communigate": (
        mail(
            "Failed to deliver to 'ann@customer.example'\nmailbox is full\n",
            sender="MAILER-DAEMON@customer.example",
            subject="Undeliverable mail: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"mailbox_full"}},
    ),
    "lotus-de": (
        mail(
            "Ihre Nachricht\n\n  Betreff: Rechnung\n\nkonnte nicht zugestellt werden an:\n\n  ann@customer.example\n\nweil:\n\n  Der Benutzer Ann Weber ist nicht im Domino-Verzeichnis aufgeführt\n",
            "Content-Type: text/plain; charset=utf-8",
            sender="postmaster@customer.example",
            subject="ZUSTELLFEHLER: Rechnung",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
    "arf-notspam": (
        multipart(
            words("x"),
            "Content-Type: message/feedback-report\n\nFeedback-Type: not-spam\nUser-Agent: x\nVersion: 1\nOriginal-Rcpt-To: ann@customer.example\n",
            returned(),
            kind="report; report-type=feedback-report",
        ),
        "not-a-bounce",
        {},
    ),
    "mixed3": (
        multipart(
            words("x"),
            status(
                block("ann@customer.example", "delivered", "2.0.0"),
                block("bob@customer.example", "failed", "5.1.1", "550 no such user"),
                block("cid@customer.example", "delayed", "4.4.1", "timeout"),
            ),
        ),
        "bounce",
        {
            "ann@customer.example": {"delivered"},
            "bob@customer.example": {"no_such_user"},
            "cid@customer.example": {"connection_failed", "expired"},
        },
    ),
    "comcast-style": (
        mail(
            "This is an automatically generated Delivery Status Notification.\n\nUnable to deliver message to the following recipients, because the message was forwarded more than the maximum allowed times. This could indicate a mail loop.\n\n       ann@customer.example\n",
            subject="Delivery Status Notification (Failure)",
        ),
        "bounce",
        {"ann@customer.example": {"system_error"}},
    ),
    "smtp-mts": (
        mail(
            "The following recipient(s) could not be reached:\n\nann@customer.example on Tue, 5 Mar 2024\n    There was a SMTP communication problem with the recipient's email server.  Please contact your system administrator.\n            <mx.customer.example #5.5.0 smtp;550 Unknown user ann>\n",
            sender="System Administrator <postmaster@customer.example>",
            subject="Undeliverable: Invoice",
        ),
        "bounce",
        {"ann@customer.example": {"no_such_user"}},
    ),
}
# fmt: on


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    """Kind, addresses and reasons are read, whatever the layout."""
    raw, kind, recipients = REPORTS[name]
    report = read(raw)
    assert report.kind == kind
    assert {r.address for r in report.recipients} == set(recipients)
    for entry in report.recipients:
        assert str(entry.reason) in recipients[entry.address]
